# -*- test-case-name: tests.test_log -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The log: what Twisted's logger hears, written as text or as JSON.

Events of ours reach it through :func:`log_events`; everything else under
Twisted logs there already.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TextIO

from attrs import asdict
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import provider

from mcpd.events import Event, Level, Observer

_LEVELS = {
    Level.DEBUG: LogLevel.debug,
    Level.INFO: LogLevel.info,
    Level.WARN: LogLevel.warn,
    Level.ERROR: LogLevel.error,
}


def log_events(logger: Logger) -> Observer:
    """
    Make an observer that logs each event as its sentence, with its fields beside it.
    """

    def log(event: Event) -> None:
        logger.emit(_LEVELS[event.level], event.sentence, event=type(event).__name__, **asdict(event))

    return log


def observer(file: TextIO, style: str, level: str) -> ILogObserver:
    """
    Make what writes the log.

    Args:
        file: Where to.
        style: ``json``, ``text``, or ``auto``: text on a terminal.
        level: The least that is written: ``debug`` to ``critical``.
    """
    as_text = style == "text" or (style == "auto" and file.isatty())
    line = text_line if as_text else json_line

    @provider(ILogObserver)
    def write(event: LogEvent) -> None:
        file.write(line(event))
        file.flush()

    least = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    return FilteringLogObserver(write, (least,))


def text_line(event: LogEvent) -> str:
    """
    Write an event as a line for people; a traceback follows on lines of its own.
    """
    moment = _moment(event).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{moment}Z {_level(event):5} {_text(event)}\n"


def json_line(event: LogEvent) -> str:
    """
    Write an event as one JSON object on one line.

    It has ``time``, ``level``, ``text``, and for events of ours ``event`` and
    the event's fields.  Whatever is not ASCII is escaped, so no terminal that
    shows the file can be written to by what a plugin said.
    """
    told: dict[str, Any] = {
        "time": _moment(event).isoformat(timespec="microseconds"),
        "level": _level(event),
        "text": _text(event),
    }
    if "event" in event:
        told |= {name: value for name, value in event.items() if not name.startswith("log_")}
    else:
        told["namespace"] = event.get("log_namespace", "")
    return json.dumps(told, default=str) + "\n"


def _moment(event: LogEvent) -> datetime:
    return datetime.fromtimestamp(event["log_time"], UTC)


def _level(event: LogEvent) -> str:
    return str(event["log_level"].name)


def _text(event: LogEvent) -> str:
    text = formatEvent(event)
    failure = event.get("log_failure")
    return f"{text}\n{failure.getTraceback().rstrip()}" if failure is not None else text
