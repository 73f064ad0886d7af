# -*- test-case-name: plugins.files.tests.test_watching -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Telling when files change, by looking at them again and again.

Looking works on every file system, network ones included, and needs nothing of
the kernel; while nothing is watched nobody looks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

WATCHES = 256  # files that are watched at once
PAUSE = 0.25  # seconds between two looks


class Watcher:
    """
    Looks at some files.
    """

    def __init__(self, look: Callable[[str], object | None], changed: Callable[[str], None]) -> None:
        """
        Watch nothing yet.

        Args:
            look: Tells what is another when a file has changed; None: there is none.
            changed: Hears which one has; never called by two threads at once.
        """
        self._look = look
        self._changed = changed
        self._facts: dict[str, object | None] = {}
        self._counts: dict[str, int] = {}
        self._some = threading.Condition()

    def add(self, uri: str) -> bool:
        """
        Watch a file, once more if it is watched already.

        Returns:
            Whether it is: there must be such a file, and room.
        """
        with self._some:
            if uri not in self._counts:
                # Bounded: each costs a look at the disk four times a second.
                facts = self._look(uri) if len(self._counts) < WATCHES else None
                if facts is None:
                    return False
                self._facts[uri] = facts
            self._counts[uri] = self._counts.get(uri, 0) + 1
            self._some.notify()
            return True

    def remove(self, uri: str) -> None:
        """
        Undo one ``add`` that was true.
        """
        with self._some:
            self._counts[uri] -= 1
            if not self._counts[uri]:
                del self._counts[uri], self._facts[uri]

    def look(self) -> None:
        """
        Look at every file once, and tell which ones are not as they were.
        """
        with self._some:
            watched = list(self._facts)
        for uri in watched:
            # Without the lock: a disk may be slow, and who is told may wait.
            facts = self._look(uri)
            with self._some:
                differs = uri in self._facts and self._facts[uri] != facts
                if differs:
                    self._facts[uri] = facts
            if differs:
                self._changed(uri)

    def wait(self) -> None:
        """
        Wait until something is watched.
        """
        with self._some:
            self._some.wait_for(lambda: self._counts)


def watch(watcher: Watcher, pause: Callable[[float], object]) -> None:
    """
    Look for ever.

    Args:
        watcher: Who looks.
        pause: Waits for so many seconds.
    """
    while True:
        watcher.wait()
        pause(PAUSE)
        watcher.look()
