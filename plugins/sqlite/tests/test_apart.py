# -*- test-case-name: plugins.sqlite.tests.test_apart -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.apart`, with real processes, each bounded in time.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.sqlite.asking.apart import Apart
from plugins.sqlite.asking.call import Call, Cancelled, Json, Refused

LONG = 20.0  # seconds after which a test has failed


def answer(name: str, arguments: Json) -> Any:
    """
    Answer as the arguments say.
    """
    match name:
        case "refuse":
            raise Refused("That is not possible.")
        case "fail":
            raise ValueError("a mistake of ours")
        case "die":
            os._exit(3)
        case "hang":
            while True:
                pass
        case "large":
            return "x" * arguments["size"]
    return [name, arguments, os.getpid()]


class ApartTests(SynchronousTestCase):
    """
    Calls that are answered elsewhere.
    """

    def start(self, seconds: float = LONG) -> Apart:
        """
        Start a source.
        """
        apart = Apart.start(answer, seconds)
        self.addCleanup(apart.close)
        return apart

    def test_answer(self) -> None:
        """
        A call is answered by another process, each by one of its own, however large call and answer are.
        """
        apart = self.start()
        seen = {os.getpid()}
        for size in (0, 1, 2_000_000):
            name, arguments, pid = apart("x", {"a": "x" * size}, Call())
            self.assertEqual((name, len(arguments["a"])), ("x", size))
            seen.add(pid)
        self.assertEqual(len(seen), 4)
        self.assertEqual(len(apart("large", {"size": 5_000_000}, Call())), 5_000_000)

    def test_refused(self) -> None:
        """
        A refusal comes back as one; a mistake of ours comes back with all that the operator needs.
        """
        apart = self.start()
        self.assertEqual(
            str(self.assertRaises(Refused, apart, "refuse", {}, Call())), "That is not possible."
        )
        self.assertIn("a mistake of ours", str(self.assertRaises(RuntimeError, apart, "fail", {}, Call())))
        self.assertRaises(RuntimeError, apart, "die", {}, Call())
        self.assertRaises(RuntimeError, apart, "die", {"a": "x" * 2_000_000}, Call())

    def test_deadline(self) -> None:
        """
        What does not end is ended at its deadline, and the sentence says so.
        """
        refused = self.assertRaises(Refused, self.start(0.2), "hang", {}, Call())
        self.assertIn("longer than 0.2 seconds", str(refused))

    def test_cancelled(self) -> None:
        """
        A cancel ends at once whatever runs, be it early or late.
        """
        apart = self.start()
        for delay in (0.0, 0.001, 0.2):
            call = Call()
            timer = threading.Timer(delay, call.cancel)
            began = time.monotonic()
            timer.start()
            self.assertRaises(Cancelled, apart, "hang", {}, call)
            self.assertLess(time.monotonic() - began, LONG / 2)
            timer.join()
        before = Call()
        before.cancel()
        self.assertRaises(Cancelled, apart, "hang", {}, before)

    def test_at_once(self) -> None:
        """
        Several calls are answered independently: a slow one holds nobody up.
        """
        apart = self.start()
        slow = Call()
        outcome: list[str] = []

        def wait() -> None:
            try:
                apart("hang", {}, slow)
            except Cancelled:
                outcome.append("cancelled")

        thread = threading.Thread(target=wait)
        thread.start()
        for number in range(5):
            self.assertEqual(apart("x", {"n": number}, Call())[1], {"n": number})
        slow.cancel()
        thread.join(LONG)
        self.assertEqual(outcome, ["cancelled"])
