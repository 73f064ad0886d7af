# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.database`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.database import Database, Job, StoreFailed
from mcpd.store.schema import STEPS
from mcpd.trouble import Trouble
from tests.store.stage import Stage

ERAS = "SELECT artefact, era FROM verdicts ORDER BY number"


def adding(name: bytes, era: str = "modern") -> Job:
    """
    Add a row.
    """

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO verdicts (artefact, era) VALUES (?, ?)", (name, era))

    return add


class DatabaseTests(SynchronousTestCase):
    """
    Tests that have a place for a database.
    """

    def setUp(self) -> None:
        """
        Have a folder.
        """
        self.stage = Stage.new(self.mktemp())
        self.path = self.stage.path

    def refused(self, pattern: str) -> None:
        """
        Start with a file that must be refused, with a sentence of one line that names it.
        """
        with self.assertRaisesRegex(StoreFailed, pattern) as caught:
            self.stage.prepared()
        reason = caught.exception.reason
        self.assertIs(reason.trouble, Trouble.STORE)
        self.assertTrue(reason.text.startswith(f"{self.path} can't be used: "), reason.text)
        self.assertNotIn("\n", reason.text)


class PrepareTests(DatabaseTests):
    """
    Tests for the start.
    """

    def test_new(self) -> None:
        """
        The first start makes a file with every table, and later ones find what was written.
        """
        database = self.stage.prepared()
        self.assertEqual(database.load(ERAS), [])
        self.successResultOf(database.write(adding(b"a")))
        self.successResultOf(database.close())
        self.assertEqual(self.stage.prepared().load(ERAS), [(b"a", "modern")])

    def test_private(self) -> None:
        """
        Nobody else may read the file, or those that SQLite puts beside it, whatever the umask.
        """
        for umask in (0, 0o022, 0o077):
            self.addCleanup(os.umask, os.umask(umask))
            database = self.stage.prepared()
            self.successResultOf(database.write(adding(b"a")))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.path.parent.iterdir()}
            self.assertEqual(modes, dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600))
            self.successResultOf(database.close())
            self.path.unlink()

    def test_exposed(self) -> None:
        """
        A file that others may read or write is not believed: they might have put a key into it.
        """
        self.stage.prepared()
        for mode in (0o640, 0o620, 0o604, 0o602):
            self.path.chmod(mode)
            self.refused("others may read or write it; chmod 600 it")

    def test_empty(self) -> None:
        """
        A file without anything in it is as good as none.
        """
        self.path.touch(0o600)
        self.assertEqual(self.stage.prepared().load(ERAS), [])

    def test_odd_path(self) -> None:
        """
        A folder may have any name.
        """
        folder = self.path.parent / "a b?mode=ro#ü%20'\""
        folder.mkdir()
        self.stage.path = folder / "store.db"
        database = self.stage.prepared()
        self.successResultOf(database.write(adding(b"a")))
        self.successResultOf(database.close())
        self.assertEqual([path.name for path in folder.iterdir()], ["store.db"])

    def test_no_file(self) -> None:
        """
        What is no file is refused: a folder, a link, a pipe.
        """
        elsewhere = self.path.with_name("elsewhere")
        makes: tuple[tuple[Callable[[Path], None], str], ...] = (
            (Path.mkdir, "Is a directory; its folder and it must be the daemon's to write"),
            (lambda path: path.symlink_to(elsewhere), "symbolic links; its folder and it"),
            (os.mkfifo, "it is no file; move it away"),
        )
        for make, why in makes:
            make(self.path)
            self.refused(why)
            (Path.rmdir if self.path.is_dir() else Path.unlink)(self.path)
        self.assertFalse(elsewhere.exists())

    def test_no_folder(self) -> None:
        """
        Where the folder is missing, the sentence says so.
        """
        self.stage.path = self.path = self.path / "deeper" / "store.db"
        self.refused("No such file or directory")

    def test_garbage(self) -> None:
        """
        A file of something else is refused, and left as it is.
        """
        for garbage in (b"not a database" * 100, bytes(4096), b"SQLite format 3\0" + b"\xff" * 4080):
            self.path.write_bytes(garbage)
            self.path.chmod(0o600)
            self.refused("move it away for a new one; keys and verdicts go with it")
            self.assertEqual(self.path.read_bytes(), garbage)

    def test_cut(self) -> None:
        """
        A file that lost pages is refused at the start, and not in the middle of something.
        """
        database = self.stage.prepared()
        for number in range(200):
            self.successResultOf(database.write(adding(b"%100d" % number)))
        self.successResultOf(database.close())
        whole = self.path.read_bytes()
        for size in (50, 512, 4095, 4096, 4097, 8192, len(whole) - 4097, len(whole) - 4096):
            self.path.write_bytes(whole[:size])
            self.refused("keys and verdicts go with it")
        self.path.write_bytes(whole)
        self.assertEqual(len(self.stage.prepared().load(ERAS)), 200)

    def test_damaged(self) -> None:
        """
        A file with a damaged page is refused, wherever it is damaged.
        """
        database = self.stage.prepared()
        for number in range(200):
            self.successResultOf(database.write(adding(b"%100d" % number)))
        self.successResultOf(database.close())
        whole = self.path.read_bytes()
        for page in range(1, len(whole) // 4096):
            start = page * 4096
            self.path.write_bytes(whole[:start] + b"\xff" * 64 + whole[start + 64 :])
            self.refused("it is damaged; move it away|malformed; move it away")

    def test_newer(self) -> None:
        """
        A file of a newer mcpd is refused and left alone.
        """
        self.stage.prepared()
        other = self.stage.other()
        # Another mcpd may keep it in another way.
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("PRAGMA user_version = 99")
        other.close()
        before = self.path.read_bytes()
        self.refused(f"its version is 99, and this mcpd knows {len(STEPS)}; install the newer mcpd")
        self.assertEqual(self.path.read_bytes(), before)

    def test_locked(self) -> None:
        """
        A file that another program writes to is refused, and used once that is done.
        """
        self.stage.prepared()
        other = self.stage.locked()
        self.refused("database is locked; close the program that has it open")
        other.close()
        self.stage.prepared()

    def test_read_only(self) -> None:
        """
        A file or folder that the daemon may not write to is refused at the start.
        """
        # Whoever it is, trial's own folders are not theirs to walk through.
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.stage.path = self.path = folder / "store.db"
        self.stage.prepared()
        folder.chmod(0o555)
        if os.geteuid() == 0:
            # Nothing is read-only for root.
            os.chown(self.path, 65534, 65534)
            self.addCleanup(os.seteuid, 0)
            os.seteuid(65534)
        self.refused("its folder and it must be the daemon's to write")
        self.path.chmod(0o400)
        self.refused("its folder and it must be the daemon's to write")

    def test_nothing_left_open(self) -> None:
        """
        A daemon that refuses a file holds nothing of it.
        """
        self.path.write_bytes(b"not a database" * 100)
        self.path.chmod(0o600)
        before = set(os.listdir("/dev/fd"))
        for _ in range(3):
            self.refused("file is not a database")
        self.assertEqual(set(os.listdir("/dev/fd")), before)

    def test_unreadable(self) -> None:
        """
        What can't be read is told in a sentence, too.
        """
        with self.assertRaisesRegex(StoreFailed, f"{self.path} can't be read: .*no such table"):
            self.stage.prepared().load("SELECT a FROM nowhere")


class WriteTests(DatabaseTests):
    """
    Tests for writing.
    """

    def setUp(self) -> None:
        """
        Have a database.
        """
        super().setUp()
        self.database = self.stage.prepared()
        self.addCleanup(self.close)

    def close(self) -> None:
        """
        Let go of it.
        """
        self.successResultOf(self.database.close())

    def rows(self) -> list[Any]:
        """
        Tell what the next start would find.
        """
        return [name for name, _ in self.stage.database().load(ERAS)]

    def fail(self, done: Deferred[None]) -> str:  # type: ignore[override]
        """
        Tell why something could not be written.
        """
        failure = self.failureResultOf(done, StoreFailed)
        text: str = failure.value.reason.text
        return text

    def test_behind(self) -> None:
        """
        Nobody waits for the disk, and who wants to know hears when it is done.
        """
        self.stage.thread.is_held = True
        done = self.database.write(adding(b"a"))
        self.assertNoResult(done)
        self.assertEqual(self.rows(), [])
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.successResultOf(done)
        self.assertEqual(self.rows(), [b"a"])

    def test_wholly(self) -> None:
        """
        What fails in the middle leaves nothing of itself.
        """

        def broken(connection: sqlite3.Connection) -> None:
            adding(b"a")(connection)
            adding(b"b", "stone age")(connection)

        self.fail(self.database.write(broken))
        self.assertEqual(self.rows(), [])
        self.successResultOf(self.database.write(adding(b"c")))
        self.assertEqual(self.rows(), [b"c"])

    def test_foreign_keys(self) -> None:
        """
        What belongs together is kept together by SQLite, and a commit is on the disk.
        """
        found: list[Any] = []
        for pragma in ("foreign_keys", "synchronous", "journal_mode"):
            query = f"PRAGMA {pragma}"
            self.successResultOf(
                self.database.write(lambda that, query=query: found.extend(that.execute(query)))  # type: ignore[misc]
            )
        self.assertEqual(found, [(1,), (2,), ("wal",)])

    def test_failed(self) -> None:
        """
        A file that can't be written any more is told once, and told again if it happens again.
        """
        self.assertTrue(self.database.writable)
        sentence = f"{self.path} can't be written: database is locked; close the program that has it open"
        for times in (1, 2):
            other = self.stage.locked()
            for _ in range(3):
                self.assertEqual(self.fail(self.database.write(adding(b"a"))), sentence)
                self.assertFalse(self.database.writable)
                self.stage.clock.advance(10)
            other.close()
            self.assertFalse(self.database.writable)
            self.stage.clock.advance(10)
            self.assertTrue(self.database.writable)
            self.assertEqual(self.stage.told, [sentence] * times)
        self.assertEqual(self.rows(), [])
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_full(self) -> None:
        """
        A full disk takes nothing from what is there, and what failed does not come back by itself.
        """

        def bound(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA max_page_count = 1")

        self.successResultOf(self.database.write(adding(b"a")))
        self.successResultOf(self.database.write(bound))
        self.assertRegex(
            self.fail(self.database.write(adding(bytes(100_000)))),
            "can't be written: database or disk is full; make room on its disk$",
        )
        self.stage.clock.advance(10)
        self.assertTrue(self.database.writable)
        self.assertEqual(self.rows(), [b"a"])

    def test_again(self) -> None:
        """
        What has to be written is written as soon as it can be.
        """
        other = self.stage.locked()
        for name in (b"a", b"b"):
            self.fail(self.database.write(adding(name), again=True))
        self.fail(self.database.write(adding(b"dropped")))
        self.stage.clock.advance(10)
        other.close()
        self.stage.clock.advance(10)
        self.assertEqual((self.rows(), self.database.writable), ([b"a", b"b"], True))
        self.stage.clock.advance(10)
        self.assertEqual(self.rows(), [b"a", b"b"])

    def test_while_trying(self) -> None:
        """
        What fails while another try is under way gets its own.
        """
        other = self.stage.locked()
        self.fail(self.database.write(adding(b"a"), again=True))
        self.stage.thread.is_held = True
        second = self.database.write(adding(b"b"), again=True)
        self.stage.clock.advance(10)
        # The write comes before the try, and the lock goes between them.
        self.stage.thread.work_once()
        other.close()
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.fail(second)
        self.assertEqual((self.rows(), self.database.writable), ([b"a"], False))
        self.stage.clock.advance(10)
        self.assertEqual((self.rows(), self.database.writable), ([b"a", b"b"], True))

    def test_taken_away(self) -> None:
        """
        A file that was taken away is not made anew behind the operator's back.
        """
        self.path.unlink()
        self.assertRegex(
            self.fail(self.database.write(adding(b"a"))), "unable to open database file; its folder"
        )
        self.assertFalse(self.path.exists())

    def test_other_reader(self) -> None:
        """
        An operator who looks into the file is in nobody's way, and sees what was written.
        """
        other = self.stage.other()
        self.addCleanup(other.close)
        other.execute("BEGIN")
        self.assertEqual(other.execute(ERAS).fetchall(), [])
        self.successResultOf(self.database.write(adding(b"a")))
        other.execute("COMMIT")
        self.assertEqual(other.execute(ERAS).fetchall(), [(b"a", "modern")])

    def test_mistake(self) -> None:
        """
        A mistake of ours is not taken for the disk's.
        """
        self.failureResultOf(
            self.database.write(lambda connection: dict[object, int]()[connection]), KeyError
        )
        self.assertEqual((self.database.writable, self.stage.told), (True, []))


class CloseTests(DatabaseTests):
    """
    Tests for the end.
    """

    def setUp(self) -> None:
        """
        Have a database.
        """
        super().setUp()
        self.database: Database = self.stage.prepared()

    def test_waits(self) -> None:
        """
        The daemon ends when everything is written, and leaves one file.
        """
        self.stage.thread.is_held = True
        self.database.write(adding(b"a"))
        closed = self.database.close()
        self.stage.thread.work_once()
        self.assertNoResult(closed)
        self.stage.thread.work()
        self.successResultOf(closed)
        self.assertEqual(self.stage.prepared().load(ERAS), [(b"a", "modern")])
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["store.db"])

    def test_unused(self) -> None:
        """
        A daemon that wrote nothing ends at once.
        """
        self.successResultOf(self.database.close())

    def test_last_try(self) -> None:
        """
        What waits for another try gets a last one, and no try comes after that.
        """
        other = self.stage.locked()
        self.failureResultOf(self.database.write(adding(b"a"), again=True), StoreFailed)
        other.close()
        self.successResultOf(self.database.close())
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])
        self.assertEqual(self.stage.prepared().load(ERAS), [(b"a", "modern")])

    def test_in_vain(self) -> None:
        """
        A file that still can't be written does not keep the daemon from ending.
        """
        other = self.stage.locked()
        self.addCleanup(other.close)
        self.failureResultOf(self.database.write(adding(b"a"), again=True), StoreFailed)
        self.successResultOf(self.database.close())
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_while_trying(self) -> None:
        """
        A try that fails while the daemon ends is the last one.
        """
        other = self.stage.locked()
        self.addCleanup(other.close)
        self.failureResultOf(self.database.write(adding(b"a"), again=True), StoreFailed)
        self.stage.thread.is_held = True
        self.stage.clock.advance(10)
        closed = self.database.close()
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.successResultOf(closed)
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])
