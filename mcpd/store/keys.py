# -*- test-case-name: tests.store.test_keys -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
API keys: who has one, who had one.

They are kept as digests; a key itself is told once, to who has it made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from mcpd.policy import apikeys
from mcpd.policy.apikeys import ApiKey
from mcpd.store.database import Database, StoreFailed
from mcpd.trouble import Reason, Trouble, Troubled

MOST = 1000
"""Keys that open, and likewise revoked ones that are remembered."""

FIRST = "default"
"""The name of the key that is kept in a file of its own."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z", re.ASCII)


class KeyRefused(Troubled):
    """
    A key can't be created or revoked; the reason says why.
    """


@frozen
class KeyRecord:
    """
    What is known of a key.

    Attributes:
        key: It, as it is kept.
        role: What it may do.
        created: When it was made, in seconds since 1970, UTC.
        revoked: When it was revoked, likewise; None if it opens.
        file: The file that it is kept in; empty if it is in the store.
    """

    key: ApiKey
    role: str
    created: int
    revoked: int | None = None
    file: str = ""


def _nobody(principal: str) -> None:
    """
    Do nothing.
    """


@define(eq=False)
class Keys:
    """
    All keys: in memory at once, on the disk soon after.

    Attributes:
        revoked: Called with a principal whose key opens no more.
    """

    _database: Database
    revoked: Callable[[str], None] = field(init=False, default=_nobody)
    _records: dict[str, KeyRecord] = field(init=False, factory=dict)
    _living: dict[str, ApiKey] = field(init=False, factory=dict)

    @classmethod
    def load(cls, database: Database, first: KeyRecord | None = None) -> Keys:
        """
        Read the keys.  It waits for the disk.

        Args:
            database: Where they are kept.
            first: The key that has a file of its own, if anybody needs it.

        Raises:
            StoreFailed: They can't be read.
        """
        keys = cls(database)
        if first is not None:
            keys._add(first)
        query = "SELECT id, name, digest, role, created, revoked FROM keys ORDER BY rowid"
        for id, name, digest, role, created, revoked in database.load(query):
            keys._add(KeyRecord(ApiKey(id, name, digest), role, created, revoked))
        return keys

    def all(self) -> tuple[KeyRecord, ...]:
        """
        Tell of all keys, the oldest first; the first key is before them.
        """
        return tuple(self._records.values())

    def find(self, id: str) -> ApiKey | None:
        """
        Find a key that opens, by the part of it that may be shown.
        """
        return self._living.get(id)

    def create(self, name: str, now: float, entropy: Callable[[int], bytes]) -> Deferred[str]:
        """
        Make a key.

        Args:
            name: Whose it will be.
            now: Seconds since 1970, UTC.
            entropy: Gives so many random bytes.

        Returns:
            Fires with the key once it is on the disk.  It fails with
            :exc:`KeyRefused`, or with :exc:`StoreFailed`: then there is no key.
        """
        return Deferred.fromCoroutine(self._create(name, now, entropy))

    def revoke(self, name: str, now: float) -> Deferred[None]:
        """
        Let a key open nothing any more, from this moment on.

        Args:
            name: Whose it is.
            now: Seconds since 1970, UTC.

        Returns:
            Fires when that is on the disk.  It fails with :exc:`KeyRefused`, or
            with :exc:`StoreFailed`: then the key is revoked all the same, and
            writing it is tried again.
        """
        return Deferred.fromCoroutine(self._revoke(name, now))

    async def _create(self, name: str, now: float, entropy: Callable[[int], bytes]) -> str:
        self._check(name)
        text = apikeys.make(entropy(apikeys.ENTROPY))
        record = KeyRecord(ApiKey.of(name, text), "all", int(now))
        # Nobody has the key yet, but its name is taken.
        self._add(record)
        try:
            await self._database.write(partial(_insert, record))
        except StoreFailed:
            self._remove(record)
            raise
        return text

    async def _revoke(self, name: str, now: float) -> None:
        record = evolve(self._holder(name), revoked=int(now))
        self._records[record.key.id] = record
        del self._living[record.key.id]
        self._bound()
        # Under way before anybody hears of it: what they do then can't keep it from the disk.
        written = self._database.write(partial(_mark, record), again=True)
        self.revoked(record.key.principal)
        try:
            await written
        except StoreFailed as error:
            why = error.reason.text
            text = f"the key {name} is revoked, but a restart might undo that until it is written: {why}"
            raise StoreFailed(Reason(Trouble.STORE, text)) from None

    def _check(self, name: str) -> None:
        if not _NAME.match(name):
            raise KeyRefused(Reason(Trouble.NAME, "this can't be the name of a key"))
        if name == FIRST:
            raise KeyRefused(Reason(Trouble.KEY_FILE, f"the name {FIRST} is that of the first key"))
        if any(key.name == name for key in self._living.values()):
            raise KeyRefused(Reason(Trouble.KEY_EXISTS, f"there is a key with the name {name}"))
        if len(self._living) >= MOST:
            raise KeyRefused(Reason(Trouble.KEYS_FULL, f"there are {MOST} keys already"))

    def _holder(self, name: str) -> KeyRecord:
        for id, key in self._living.items():
            if key.name == name:
                record = self._records[id]
                if record.file:
                    text = f"the key {name} can't be revoked: it is kept in {record.file}"
                    raise KeyRefused(Reason(Trouble.KEY_FILE, text))
                return record
        raise KeyRefused(Reason(Trouble.KEY_UNKNOWN, "there is no key with this name"))

    def _add(self, record: KeyRecord) -> None:
        self._records[record.key.id] = record
        if record.revoked is None:
            self._living[record.key.id] = record.key

    def _remove(self, record: KeyRecord) -> None:
        self._records.pop(record.key.id, None)
        self._living.pop(record.key.id, None)

    def _bound(self) -> None:
        revoked = [(record.revoked, id) for id, record in self._records.items() if record.revoked is not None]
        for _, id in sorted(revoked)[:-MOST]:
            del self._records[id]


def _insert(record: KeyRecord, connection: Connection) -> None:
    key = record.key
    # A name that is free has no key there, unless its end could not be written.
    ended = "UPDATE keys SET revoked = ? WHERE name = ? AND revoked IS NULL"
    connection.execute(ended, (record.created, key.name))
    connection.execute(
        "INSERT INTO keys (id, name, role, digest, created) VALUES (?, ?, ?, ?, ?)",
        (key.id, key.name, record.role, key.digest, record.created),
    )


def _mark(record: KeyRecord, connection: Connection) -> None:
    ended = "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL"
    connection.execute(ended, (record.revoked, record.key.id))
    remembered = "SELECT id FROM keys WHERE revoked IS NOT NULL ORDER BY revoked DESC, id DESC LIMIT ?"
    forgotten = f"DELETE FROM keys WHERE revoked IS NOT NULL AND id NOT IN ({remembered})"  # noqa: S608  constants
    connection.execute(forgotten, (MOST,))
