# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.keys`.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.apikeys import ApiKey, is_well_formed, make
from mcpd.store.database import StoreFailed
from mcpd.store.keys import FIRST, MOST, KeyRecord, KeyRefused, Keys
from mcpd.trouble import Trouble
from tests.store.stage import Stage

OWN = make(b"\xff" * 48)
IN_FILE = KeyRecord(ApiKey.of(FIRST, OWN), "all", 5, file="/state/key")


def counting() -> Callable[[int], bytes]:
    """
    Make an entropy that never gives the same twice.
    """
    given = iter(range(1 << 16))
    return lambda count: next(given).to_bytes(2, "big") * (count // 2)


class KeysTests(SynchronousTestCase):
    """
    Tests for API keys.
    """

    def setUp(self) -> None:
        """
        Have a database.
        """
        self.stage = Stage.new(self.mktemp())
        self.database = self.stage.prepared()
        self.addCleanup(lambda: self.successResultOf(self.database.close()))
        self.keys = Keys.load(self.database, IN_FILE)
        self.ended: list[str] = []
        self.keys.revoked = self.ended.append
        self.entropy = counting()

    def again(self) -> Keys:
        """
        Know what is known after a restart.
        """
        return Keys.load(self.stage.database(), IN_FILE)

    def create(self, name: str, now: float = 100) -> str:
        """
        Make a key.
        """
        return self.successResultOf(self.keys.create(name, now, self.entropy))

    def revoke(self, name: str, now: float = 200) -> None:
        """
        Revoke one.
        """
        self.successResultOf(self.keys.revoke(name, now))

    def opens(self, text: str, keys: Keys | None = None) -> bool:
        """
        Say whether a key opens.
        """
        found = (keys or self.keys).find(text.split("_")[1])
        return found is not None and found.opens(text.encode())

    def refused(self, done: Deferred[str] | Deferred[None]) -> tuple[Trouble, str]:
        """
        Tell why something was refused.
        """
        reason = self.failureResultOf(done, KeyRefused).value.reason
        return reason.trouble, reason.text

    def test_create(self) -> None:
        """
        A key opens for its name, from now on and after a restart.
        """
        text = self.create("alice", 100.9)
        self.assertTrue(is_well_formed(text))
        for keys in (self.keys, self.again()):
            self.assertTrue(self.opens(text, keys))
            record = keys.all()[1]
            self.assertEqual((record.key.name, record.key.principal), ("alice", "key:alice"))
            told = (record.role, record.created, record.revoked, record.file)
            self.assertEqual(told, ("all", 100, None, ""))

    def test_told_once(self) -> None:
        """
        A key is kept nowhere: not in memory, not in any file.
        """
        text = self.create("alice")
        secret = text.split("_")[2]
        self.assertNotIn(secret, repr(self.keys))
        for path in self.stage.path.parent.iterdir():
            self.assertNotIn(secret.encode(), path.read_bytes())

    def test_first(self) -> None:
        """
        The first key opens as the others do, and stands before them.
        """
        self.create("alice", 1)
        self.assertTrue(self.opens(OWN))
        for keys in (self.keys, self.again()):
            self.assertEqual([record.key.name for record in keys.all()], ["default", "alice"])
            self.assertEqual(keys.all()[0].file, "/state/key")

    def test_no_first(self) -> None:
        """
        Where nobody needs a first key there is none, and other keys can be made all the same.
        """
        self.keys = Keys.load(self.database)
        self.assertEqual(self.keys.all(), ())
        self.assertTrue(self.opens(self.create("alice")))

    def test_first_stays(self) -> None:
        """
        The first key is its file's: it can't be revoked, and no other key has its name.
        """
        self.assertEqual(
            self.refused(self.keys.revoke("default", 200)),
            (Trouble.KEY_FILE, "the key default can't be revoked: it is kept in /state/key"),
        )
        self.assertEqual(
            self.refused(self.keys.create("default", 100, self.entropy)),
            (Trouble.KEY_FILE, "the name default is that of the first key"),
        )
        self.assertTrue(self.opens(OWN))
        self.assertEqual(self.ended, [])

    def test_names(self) -> None:
        """
        A name has letters, digits and hyphens, so that it can stand in logs and rules as it is.
        """
        for name in ("a", "0", "a-b-", "x" * 32):
            self.create(name)
        for name in ("", "-a", "A", "a_b", "a b", "a\n", "ü", "x" * 33, "a';--", "\0"):
            self.assertEqual(
                self.refused(self.keys.create(name, 100, self.entropy)),
                (Trouble.NAME, "this can't be the name of a key"),
            )

    def test_taken(self) -> None:
        """
        Two keys never have one name, even if both are made at once.
        """
        self.stage.thread.is_held = True
        first = self.keys.create("alice", 100, self.entropy)
        taken = (Trouble.KEY_EXISTS, "there is a key with the name alice")
        self.assertEqual(self.refused(self.keys.create("alice", 100, self.entropy)), taken)
        self.assertNoResult(first)
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.assertEqual(self.refused(self.keys.create("alice", 100, self.entropy)), taken)
        self.assertTrue(self.opens(self.successResultOf(first)))

    def test_revoke(self) -> None:
        """
        A revoked key opens nothing from that moment on, and stays so; when that was is remembered.
        """
        text, other = self.create("alice"), self.create("bob")
        self.stage.thread.is_held = True
        done = self.keys.revoke("alice", 200.9)
        self.assertFalse(self.opens(text))
        self.assertEqual(self.ended, ["key:alice"])
        self.assertNoResult(done)
        self.stage.thread.is_held = False
        self.stage.thread.work()
        self.successResultOf(done)
        for keys in (self.keys, self.again()):
            self.assertEqual((self.opens(text, keys), self.opens(other, keys)), (False, True))
            self.assertEqual([record.revoked for record in keys.all()], [None, 200, None])

    def test_revoke_unheard(self) -> None:
        """
        A key is revoked even if nobody wants to hear of it.
        """
        keys = Keys.load(self.database)
        text = self.successResultOf(keys.create("alice", 100, self.entropy))
        self.successResultOf(keys.revoke("alice", 200))
        self.assertFalse(self.opens(text, keys))

    def test_revoke_misheard(self) -> None:
        """
        A key is revoked for good even if ending what its holder does goes wrong.
        """
        text = self.create("alice")
        self.keys.revoked = self.ended.remove
        self.failureResultOf(self.keys.revoke("alice", 200), ValueError)
        self.assertFalse(self.opens(text, self.again()))

    def test_revoke_unknown(self) -> None:
        """
        What is no key, or none any more, can't be revoked.
        """
        unknown = (Trouble.KEY_UNKNOWN, "there is no key with this name")
        self.create("alice")
        self.revoke("alice")
        for name in ("bob", "alice", "", "\n"):
            self.assertEqual(self.refused(self.keys.revoke(name, 200)), unknown)
        self.assertEqual(self.ended, ["key:alice"])

    def test_name_again(self) -> None:
        """
        The name of a revoked key is free; the old key does not come back with it.
        """
        old = self.create("alice")
        self.revoke("alice")
        new = self.create("alice", 300)
        for keys in (self.keys, self.again()):
            self.assertEqual((self.opens(old, keys), self.opens(new, keys)), (False, True))
            self.assertEqual([record.revoked for record in keys.all()], [None, 200, None])

    def fill(self, count: int, revoked: bool) -> None:
        """
        Put keys into the file, revoked or not, and start with them.
        """
        ended = [1000 + number if revoked else None for number in range(count)]
        rows = ((f"k{number:011}", f"k{number}", b"", 1, end) for number, end in enumerate(ended))
        other = self.stage.other()
        other.execute("BEGIN")
        other.executemany(
            "INSERT INTO keys (id, name, role, digest, created, revoked) VALUES (?, ?, 'all', ?, ?, ?)", rows
        )
        other.execute("COMMIT")
        other.close()
        self.keys = Keys.load(self.database, IN_FILE)

    def test_full(self) -> None:
        """
        There are no more keys than so many, the first one among them; one that is revoked makes room.
        """
        self.fill(MOST - 2, revoked=False)
        self.create("a")
        full = (Trouble.KEYS_FULL, f"there are {MOST} keys already")
        self.assertEqual(self.refused(self.keys.create("b", 100, self.entropy)), full)
        self.revoke("k0")
        self.create("b")

    def test_forgotten(self) -> None:
        """
        Of the revoked keys only so many are remembered, the latest ones, and all that open are.
        """
        self.fill(MOST, revoked=True)
        self.create("a")
        for number in range(2):
            self.create("b")
            self.revoke("b", 3000 + number)
        for keys in (self.keys, self.again()):
            ends = [record.revoked for record in keys.all() if record.revoked is not None]
            self.assertEqual(sorted(ends), [*range(1002, 1000 + MOST), 3000, 3001])
            self.assertEqual(len(keys.all()), MOST + 2)

    def test_create_unwritable(self) -> None:
        """
        A key that would not survive a restart is not given to anybody; its name stays free.
        """
        other = self.stage.locked()
        failure = self.failureResultOf(self.keys.create("alice", 100, self.entropy), StoreFailed)
        self.assertRegex(failure.value.reason.text, "can't be written: database is locked")
        other.close()
        self.assertEqual(self.keys.all(), (IN_FILE,))
        self.stage.clock.advance(10)
        self.assertEqual(self.again().all(), (IN_FILE,))
        self.assertTrue(self.opens(self.create("alice")))

    def test_revoke_unwritable(self) -> None:
        """
        A key is revoked at once even if the disk is full; the operator hears of it, and it is written later.
        """
        text = self.create("alice")
        other = self.stage.locked()
        failure = self.failureResultOf(self.keys.revoke("alice", 200), StoreFailed)
        self.assertRegex(
            failure.value.reason.text,
            "^the key alice is revoked, but a restart might undo that until it is written: /.*is locked",
        )
        self.assertIs(failure.value.reason.trouble, Trouble.STORE)
        self.assertEqual((self.opens(text), self.ended), (False, ["key:alice"]))
        other.close()
        self.assertTrue(self.opens(text, self.again()))
        self.stage.clock.advance(10)
        self.assertFalse(self.opens(text, self.again()))
        self.assertEqual(self.again().all()[1].revoked, 200)

    def test_name_again_unwritten(self) -> None:
        """
        A name can be given again although the end of its old key was not written yet.
        """
        old = self.create("alice")
        other = self.stage.locked()
        self.failureResultOf(self.keys.revoke("alice", 200), StoreFailed)
        other.close()
        new = self.create("alice", 300)
        self.assertEqual((self.opens(old, self.again()), self.opens(new, self.again())), (False, True))
        self.stage.clock.advance(10)
        self.assertTrue(self.database.writable)
        self.assertTrue(self.opens(new, self.again()))

    def test_revoked_while_created(self) -> None:
        """
        A key that is revoked before it was given to anybody opens nothing.
        """
        self.stage.thread.is_held = True
        created, revoked = self.keys.create("alice", 100, self.entropy), self.keys.revoke("alice", 200)
        self.stage.thread.work()
        text = self.successResultOf(created)
        self.successResultOf(revoked)
        self.stage.thread.is_held = False
        for keys in (self.keys, self.again()):
            self.assertFalse(self.opens(text, keys))
