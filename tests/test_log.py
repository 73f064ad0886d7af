# -*- test-case-name: tests.test_log -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.log`.
"""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.events import DoorOpened, Event, Incident, Level, WorkerSaid, WorkerStarted
from mcpd.log import MOST, json_line, log_events, observer, text_line


class Terminal(StringIO):
    """
    A file that people look at.
    """

    def isatty(self) -> bool:
        """
        Say that it is one.
        """
        return True


def entry(**rest: Any) -> Any:
    """
    Make a log entry as Twisted makes them.
    """
    return {
        "log_time": 1_800_000_000.25,
        "log_level": LogLevel.info,
        "log_namespace": "somewhere",
        "log_format": "a {thing} happened",
        "thing": "x",
    } | rest


def failure() -> Failure:
    """
    Make a failure.
    """
    try:
        raise ValueError("no")
    except ValueError:
        return Failure()


class LineTests(SynchronousTestCase):
    """
    Tests for one line.
    """

    def test_text(self) -> None:
        """
        A line for people has the time in UTC, the level and the sentence.
        """
        self.assertEqual(text_line(entry()), "2027-01-15T08:00:00.250Z info  a x happened\n")
        line = text_line(entry(log_level=LogLevel.critical))
        self.assertEqual(line, "2027-01-15T08:00:00.250Z critical a x happened\n")

    def test_text_failure(self) -> None:
        """
        A failure's traceback stands below.
        """
        first, *rest = text_line(entry(log_failure=failure())).splitlines()
        self.assertTrue(first.endswith("a x happened"))
        self.assertIn("ValueError: no", rest[-1])

    def test_json(self) -> None:
        """
        A line for machines has the time, the level, the sentence and where it comes from.
        """
        line = json_line(entry())
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(
            json.loads(line),
            {
                "time": "2027-01-15T08:00:00.250000+00:00",
                "level": "info",
                "text": "a x happened",
                "namespace": "somewhere",
            },
        )

    def test_json_fields(self) -> None:
        """
        An event of ours has its name and its fields beside the sentence, whatever they are.
        """
        told = json.loads(json_line(entry(event="Thing", thing={1, 2}, pid=5)))
        self.assertEqual((told["event"], told["pid"], told["thing"]), ("Thing", 5, "{1, 2}"))
        self.assertNotIn("namespace", told)
        self.assertFalse([name for name in told if name.startswith("log_")])

    def test_json_failure(self) -> None:
        """
        A failure's traceback is in the text, and the whole still on one line.
        """
        line = json_line(entry(log_failure=failure()))
        self.assertEqual(line.count("\n"), 1)
        self.assertIn("ValueError: no", json.loads(line)["text"])

    def test_json_escapes(self) -> None:
        """
        What a plugin said can't write to a terminal that shows the file.
        """
        line = json_line(entry(thing="\x1b[2J\x9b\u202e\u2028\nx"))
        self.assertTrue(line.isascii() and line[:-1].isprintable())
        self.assertEqual(json.loads(line)["text"], "a \x1b[2J\x9b\u202e\u2028\nx happened")


class ObserverTests(SynchronousTestCase):
    """
    Tests for what writes the log.
    """

    def written(self, style: str, level: str = "info", file: StringIO | None = None) -> list[str]:
        """
        Log at each level, and give what was written.
        """
        file = file or StringIO()
        write = observer(file, style, level)
        verifyObject(ILogObserver, write)
        for severity in LogLevel.iterconstants():
            write(entry(log_level=severity))
        return file.getvalue().splitlines()

    def test_levels(self) -> None:
        """
        What is less than the level is not written.
        """
        for count, level in enumerate(("critical", "error", "warn", "info", "debug"), 1):
            self.assertEqual(len(self.written("json", level)), count)

    def test_styles(self) -> None:
        """
        The log is text on a terminal and JSON elsewhere, unless something else is wanted.
        """
        for style, file, is_json in (
            ("auto", StringIO(), True),
            ("auto", Terminal(), False),
            ("json", Terminal(), True),
            ("text", StringIO(), False),
        ):
            lines = self.written(style, file=file)
            self.assertEqual([line.startswith("{") for line in lines], [is_json] * 4, style)


class EventTests(SynchronousTestCase):
    """
    Tests for events of ours.
    """

    def logged(self, event: Event) -> Any:
        """
        Tell an event, and read what the log has of it.
        """
        file = StringIO()
        write = observer(file, "json", "debug")
        log_events(Logger(namespace="mcpd", observer=write))(event)
        return json.loads(file.getvalue())

    def test_event(self) -> None:
        """
        An event is its sentence, with its name and its fields.
        """
        told = self.logged(WorkerSaid("files", 7, "hello {x}"))
        self.assertEqual(told.pop("time")[-6:], "+00:00")
        self.assertEqual(
            told,
            {
                "level": "info",
                "text": "files: hello {x}",
                "event": "WorkerSaid",
                "plugin": "files",
                "pid": 7,
                "line": "hello {x}",
            },
        )

    def test_levels(self) -> None:
        """
        An event is logged at its own level.
        """
        self.assertEqual(self.logged(WorkerStarted("p", 1))["level"], "debug")
        self.assertEqual(self.logged(DoorOpened("http://x"))["level"], "info")
        self.assertEqual(self.logged(Incident("R", "Traceback"))["level"], "error")
        self.assertEqual({level.value for level in Level}, {"debug", "info", "warn", "error"})


class ThriftTests(SynchronousTestCase):
    """
    Tests for what strangers make Twisted say.
    """

    def setUp(self) -> None:
        """
        Have a log.
        """
        self.file = StringIO()
        self.write = observer(self.file, "json", "info")

    @property
    def texts(self) -> list[str]:
        """
        What stands in it.
        """
        return [json.loads(line)["text"] for line in self.file.getvalue().splitlines()]

    def test_flood(self) -> None:
        """
        Of what one place says in a second some lines are written, and that there was more.
        """
        for _ in range(3 * MOST):
            self.write(entry(log_failure=failure()))
        self.assertEqual(len(self.texts), MOST + 1)
        self.assertEqual(self.texts[-1], "what else is said here in this second is left out")
        self.write(entry(log_namespace="elsewhere"))
        self.write(entry(log_time=1_800_000_001.0))
        self.assertEqual(self.texts[MOST + 1 :], ["a x happened"] * 2)

    def test_few(self) -> None:
        """
        What is said now and then is written, and nothing besides.
        """
        for second in range(2 * MOST):
            self.write(entry(log_time=1_800_000_000.0 + second))
        self.assertEqual(self.texts, ["a x happened"] * 2 * MOST)

    def test_events(self) -> None:
        """
        Events of ours are all written: those that strangers cause are counted where they happen.
        """
        for _ in range(3 * MOST):
            self.write(entry(event="Thing"))
        self.assertEqual(len(self.texts), 3 * MOST)
