# -*- test-case-name: plugins.files.tests.test_watching -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.watching`: changes are told, and nothing is done for nobody.
"""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from plugins.files.beneath.watching import PAUSE, WATCHES, Watcher, watch


class Enough(Exception):
    """
    Ends a loop that has no end.
    """


class WatcherTests(SynchronousTestCase):
    """
    A watcher, files that are numbers, and what it tells.
    """

    def setUp(self) -> None:
        """
        Begin with two files.
        """
        self.files: dict[str, int] = {"a": 1, "b": 1}
        self.told: list[str] = []
        self.looked: list[str] = []
        self.watcher = Watcher(self.look, self.told.append)

    def look(self, uri: str) -> int | None:
        """
        Look at a file.
        """
        self.looked.append(uri)
        return self.files.get(uri)

    def test_changes(self) -> None:
        """
        Each change is told once: another content, a removal, and that the file is there again.
        """
        self.assertTrue(self.watcher.add("a"))
        self.watcher.look()
        self.assertEqual(self.told, [])
        for content in (2, None, 3):
            if content is None:
                del self.files["a"]
            else:
                self.files["a"] = content
            self.watcher.look()
            self.watcher.look()
            self.assertEqual(self.told, ["a"])
            self.told.clear()

    def test_counted(self) -> None:
        """
        A file that is watched twice is looked at once, until nobody watches it any more.
        """
        self.assertTrue(self.watcher.add("a"))
        self.assertTrue(self.watcher.add("a"))
        self.watcher.remove("a")
        self.files["a"] = 2
        self.watcher.look()
        self.assertEqual(self.told, ["a"])
        self.watcher.remove("a")
        self.looked.clear()
        self.watcher.look()
        self.assertEqual(self.looked, [])

    def test_refused(self) -> None:
        """
        What is not there can't be watched, and there is a bound.
        """
        self.assertFalse(self.watcher.add("nothing"))
        for number in range(WATCHES + 1):
            self.files[str(number)] = 1
            self.assertEqual(self.watcher.add(str(number)), number < WATCHES)
        self.assertTrue(self.watcher.add("0"))
        self.watcher.remove("1")
        self.assertTrue(self.watcher.add("a"))

    def test_removed_meanwhile(self) -> None:
        """
        Of a file that nobody watches any more, no change is told.
        """

        def look(uri: str) -> int:
            self.looked.append(uri)
            if len(self.looked) > 1:
                watcher.remove(uri)
            return len(self.looked)

        watcher = Watcher(look, self.told.append)
        watcher.add("a")
        watcher.look()
        self.assertEqual(self.told, [])

    def test_loop(self) -> None:
        """
        As long as something is watched it is looked at, after a pause each time.
        """
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            self.files["a"] += 1
            if len(pauses) == 3:
                raise Enough

        self.watcher.add("a")
        self.assertRaises(Enough, watch, self.watcher, pause)
        self.assertEqual((pauses, self.told), ([PAUSE] * 3, ["a", "a"]))

    def test_nothing(self) -> None:
        """
        While nothing is watched it waits, and costs nothing.
        """
        ended = threading.Event()

        def pause(_seconds: float) -> None:
            ended.set()
            raise SystemExit

        thread = threading.Thread(target=watch, args=(self.watcher, pause), daemon=True)
        thread.start()
        self.assertFalse(ended.wait(0.05))
        self.assertEqual(self.looked, [])
        self.watcher.add("a")
        self.assertTrue(ended.wait(20))
        thread.join(20)
