# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.verdicts`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.verdicts import MOST, Verdict, Verdicts, artefact
from tests.store.stage import Stage

MODERN, LEGACY = Verdict("modern"), Verdict("legacy")


def numbered(number: int) -> bytes:
    """
    Make up an artefact.
    """
    return number.to_bytes(32, "big")


class VerdictsTests(SynchronousTestCase):
    """
    Tests for what is known of artefacts.
    """

    def setUp(self) -> None:
        """
        Have a database.
        """
        self.stage = Stage.new(self.mktemp())
        self.database = self.stage.prepared()
        self.addCleanup(lambda: self.successResultOf(self.database.close()))
        self.verdicts = Verdicts.load(self.database)

    def again(self) -> Verdicts:
        """
        Know what is known after a restart.
        """
        return Verdicts.load(self.stage.database())

    def test_unknown(self) -> None:
        """
        Nothing is known of what nobody has met.
        """
        self.assertIsNone(self.verdicts.get(b"a"))

    def test_survives(self) -> None:
        """
        What was found out is known at once, and after a restart.
        """
        self.verdicts.put(b"a", MODERN)
        self.verdicts.put(b"\0'; DROP TABLE verdicts; --", LEGACY)
        for verdicts in (self.verdicts, self.again()):
            self.assertEqual(verdicts.get(b"a"), MODERN)
            self.assertEqual(verdicts.get(b"\0'; DROP TABLE verdicts; --"), LEGACY)

    def test_at_once(self) -> None:
        """
        Nobody waits for the disk to know what was found out.
        """
        self.stage.thread.is_held = True
        self.verdicts.put(b"a", MODERN)
        self.assertEqual(self.verdicts.get(b"a"), MODERN)
        self.assertIsNone(self.again().get(b"a"))
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.assertEqual(self.again().get(b"a"), MODERN)

    def test_changed(self) -> None:
        """
        The newest verdict stands.
        """
        for verdict in (MODERN, LEGACY):
            self.verdicts.put(b"a", verdict)
        self.assertEqual((self.verdicts.get(b"a"), self.again().get(b"a")), (LEGACY, LEGACY))

    def test_same(self) -> None:
        """
        What is known already is not written again at each start of a worker.
        """
        self.verdicts.put(b"a", MODERN)
        other = self.stage.locked()
        self.addCleanup(other.close)
        self.verdicts.put(b"a", MODERN)
        self.assertEqual(self.stage.told, [])

    def test_forget(self) -> None:
        """
        What turned out to be wrong is forgotten, for good.
        """
        self.verdicts.put(b"a", MODERN)
        self.verdicts.put(b"b", MODERN)
        for _ in range(2):
            self.verdicts.forget(b"a")
        for verdicts in (self.verdicts, self.again()):
            self.assertEqual((verdicts.get(b"a"), verdicts.get(b"b")), (None, MODERN))

    def test_bounded(self) -> None:
        """
        However often a program changes, no more than so much is kept; what is used stays.
        """
        self.stage.thread.is_held = True
        for number in range(MOST):
            self.verdicts.put(numbered(number), MODERN)
        self.assertEqual(self.verdicts.get(numbered(0)), MODERN)
        for number in range(MOST, MOST + 3):
            self.verdicts.put(numbered(number), LEGACY)
        self.stage.thread.is_held = False
        self.stage.thread.work()
        for verdicts in (self.verdicts, self.again()):
            known = [number for number in range(MOST + 3) if verdicts.get(numbered(number))]
            self.assertEqual(known, [0, *range(4, MOST + 3)])

    def test_too_many(self) -> None:
        """
        A file that holds too much is cut down at the start, the oldest first.
        """
        rows = ((numbered(number), "modern") for number in range(MOST + 2))
        other = self.stage.other()
        other.execute("BEGIN")
        other.executemany("INSERT INTO verdicts (artefact, era) VALUES (?, ?)", rows)
        other.execute("COMMIT")
        other.close()
        verdicts = Verdicts.load(self.database)
        known = [number for number in range(MOST + 2) if verdicts.get(numbered(number))]
        self.assertEqual(known, list(range(2, MOST + 2)))
        self.assertEqual(self.database.load("SELECT count(*) FROM verdicts"), [(MOST,)])

    def test_unwritable(self) -> None:
        """
        A disk that is full costs no more than another probe after the next start.
        """
        other = self.stage.locked()
        self.verdicts.put(b"a", MODERN)
        self.verdicts.forget(b"a")
        self.verdicts.put(b"b", LEGACY)
        other.close()
        self.assertEqual(self.verdicts.get(b"b"), LEGACY)
        self.assertIsNone(self.again().get(b"b"))
        self.assertEqual(len(self.stage.told), 1)
        self.stage.clock.advance(10)


class ArtefactTests(SynchronousTestCase):
    """
    Tests for telling programs from one another.
    """

    def setUp(self) -> None:
        """
        Have a program and a script.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        for name in ("python", "server.py"):
            (self.folder / name).write_text(name)

    def tell(self, *arguments: str, cwd: str | None = None, **environment: str) -> bytes:
        """
        Tell what a command is.
        """
        command = (str(self.folder / "python"), *arguments)
        return artefact(command, str(self.folder) if cwd is None else cwd, environment)

    def test_same(self) -> None:
        """
        A program that did not change is the same one, from start to start.
        """
        self.assertEqual(self.tell("server.py", A="1", B="2"), self.tell("server.py", B="2", A="1"))
        self.assertEqual(len(self.tell()), 32)

    def test_configured(self) -> None:
        """
        Another argument, folder or variable makes it another one.
        """
        told = {
            self.tell(),
            self.tell("server.py"),
            self.tell("server.py", "--modern"),
            self.tell("server.py --modern"),
            self.tell("server.py", cwd="/"),
            self.tell("server.py", cwd="/nowhere"),
            self.tell("server.py", A="1"),
            self.tell("server.py", A="2"),
            self.tell("server.py", A="", B="2"),
        }
        self.assertEqual(len(told), 9)

    def test_edited(self) -> None:
        """
        A script or program that was edited, replaced or removed is another one, however it is named.
        """
        for name, argument in (
            ("server.py", "server.py"),
            ("server.py", str(self.folder / "server.py")),
            ("python", "-m"),
        ):
            path = self.folder / name
            path.write_text("short")
            told = [self.tell(argument)]
            path.write_text("longer than before")
            told.append(self.tell(argument))
            os.utime(path, ns=(0, 1_000_000_001))
            told.append(self.tell(argument))
            path.rename(path.with_suffix(".old"))
            told.append(self.tell(argument))
            path.write_text("longer than before")
            os.utime(path, ns=(0, 1_000_000_001))
            told.append(self.tell(argument))
            self.assertEqual(len(set(told)), 5, argument)

    def test_each(self) -> None:
        """
        A file whose size, time or inode alone has changed is another one; who owns it does not matter.
        """
        plain = {"st_mode": stat.S_IFREG, "st_ino": 1, "st_size": 2, "st_mtime_ns": 3, "st_uid": 4}

        def told(**changed: int) -> bytes:
            found: Any = SimpleNamespace(**{**plain, **changed})
            return artefact(("/program",), "", {}, lambda path: found)

        for name in ("st_ino", "st_size", "st_mtime_ns"):
            self.assertNotEqual(told(**{name: 9}), told(), name)
        self.assertEqual(told(st_uid=9), told())

    def test_link(self) -> None:
        """
        A link is what it leads to: an interpreter that was upgraded behind it is another one.
        """
        (self.folder / "script").symlink_to("server.py")
        before = self.tell("script")
        (self.folder / "server.py").write_text("print()")
        self.assertNotEqual(self.tell("script"), before)

    def test_folder(self) -> None:
        """
        A folder that is served does not make another program when something is put into it.
        """
        docs = self.folder / "docs"
        docs.mkdir()
        before = self.tell("docs")
        (docs / "new").touch()
        os.utime(docs, ns=(0, 0))
        self.assertEqual(self.tell("docs"), before)

    def test_any_argument(self) -> None:
        """
        An argument may be anything.
        """
        odd = ("", "\0", "x" * 5000, "\udc80", "[]", "ü")
        self.assertEqual(len({self.tell(argument) for argument in odd}), len(odd))

    def test_looks(self) -> None:
        """
        Nothing is looked at but what the command names.
        """
        seen: list[Path] = []

        def look(path: Path) -> os.stat_result:
            seen.append(path)
            return os.stat_result((stat.S_IFREG, 1, 0, 0, 0, 0, 2, 3, 3, 3))

        artefact(("/bin/program", "a", "/b"), "/c", {"D": "/d"}, look)
        self.assertEqual(seen, [Path("/bin/program"), Path("/c/a"), Path("/b")])
