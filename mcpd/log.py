# -*- test-case-name: tests.test_log -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The log: what Twisted's logger hears, written as text or as JSON.

Events of ours reach it through :func:`log_events`; everything else under
Twisted logs there already.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any, TextIO

from attrs import asdict, define, field
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

_MORE = "what else is said here in this second is left out"
_LEVELS = {
    Level.DEBUG: LogLevel.debug,
    Level.INFO: LogLevel.info,
    Level.WARN: LogLevel.warn,
    Level.ERROR: LogLevel.error,
}


MOST = 10
"""Lines a second of one place in the code; events of ours are few by themselves, and are not counted."""


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
    thrift = _Thrift()

    @provider(ILogObserver)
    def write(event: LogEvent) -> None:
        left = thrift.take(event)
        if left >= 0:
            file.write(line(event))
        if left == 0:
            file.write(line({**event, "log_format": _MORE, "log_failure": None}))
        file.flush()

    least = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    return FilteringLogObserver(write, (least,))


@define
class _Thrift:
    """
    Knows what was written in this second.

    Twisted has a line, or three, for each connection that comes while no
    descriptor is free: whoever wants to could fill the disk with them.
    """

    _second: int = -1
    _counts: Counter[str] = field(factory=Counter)

    def take(self, event: LogEvent) -> int:
        """
        Tell how many more lines of this place may be written in this second; below 0, not even this one.
        """
        if "event" in event:
            return MOST
        if int(event["log_time"]) != self._second:
            self._second = int(event["log_time"])
            self._counts.clear()
        # Bounded: the code says which places there are.
        place = event.get("log_namespace", "")
        self._counts[place] += 1
        return MOST - self._counts[place]


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
