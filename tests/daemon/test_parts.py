# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.parts`.
"""

from __future__ import annotations

import os

from mcpd.config.settings import Settings
from mcpd.daemon.parts import Parts
from mcpd.events import LeftoversKilled, Publisher, StoreUnwritable
from mcpd.store.database import StoreFailed
from mcpd.store.folder import FolderTaken, StateFolder
from mcpd.store.sealkey import UnusableSealKey
from mcpd.testing.daemon import MemoryDaemon
from mcpd.testing.worker import modern, tools
from mcpd.trouble import Trouble
from tests.daemon.stage import PLUGIN, DaemonCase, descriptors


class PartsTests(DaemonCase):
    """
    Tests for what a daemon is made of.
    """

    def setUp(self) -> None:
        """
        Have a world, in which an earlier daemon left something.
        """
        super().setUp()
        self.memory = MemoryDaemon(self.settings(), {"p": modern(tools("x"))}, leftovers=3)

    def claim(self, settings: Settings) -> Parts:
        """
        Make them.
        """
        publisher = Publisher()
        publisher.observe(self.memory.events.append)
        return Parts.claim(self.memory.world, settings, publisher)

    def release(self, parts: Parts) -> None:
        """
        Let go of what they have.
        """
        self.successResultOf(parts.database.close())
        parts.folder.release()

    def test_claim(self) -> None:
        """
        The folder is claimed, leftovers are killed and told before any worker, and nothing is started.
        """
        parts = self.claim(self.settings(PLUGIN))
        self.assertRaises(FolderTaken, StateFolder.claim, self.folder)
        self.assertEqual(self.memory.events, [LeftoversKilled(3)])
        self.assertEqual(list(parts.plugins.crews), ["p"])
        self.assertEqual((self.memory.plugins["p"].workers, self.memory.world.quiet.said), ([], []))
        self.assertEqual(self.memory.reactor.getDelayedCalls(), [])
        self.release(parts)

    def test_no_leftovers(self) -> None:
        """
        Where nothing was left, nothing is told.
        """
        self.memory = MemoryDaemon(self.settings())
        self.release(self.claim(self.settings()))
        self.assertEqual(self.memory.events, [])

    def test_first_key(self) -> None:
        """
        The first key is made where a listener needs one, and nowhere else.
        """
        parts = self.claim(self.settings())
        self.assertEqual((parts.key_file, parts.keys.all()), (None, ()))
        self.release(parts)
        parts = self.claim(self.settings(auth="required"))
        self.assertEqual(parts.key_file, self.folder / "key")
        self.assertEqual([record.key.name for record in parts.keys.all()], ["default"])
        self.release(parts)

    def test_nothing_kept(self) -> None:
        """
        What can't be made whole keeps nothing: neither the folder nor a descriptor.
        """
        self.release(self.claim(self.settings()))
        before = descriptors()
        (self.folder / "seal").write_text("x")
        self.assertRaises(UnusableSealKey, self.claim, self.settings(PLUGIN))
        (self.folder / "store.db").write_bytes(b"x" * 5000)
        error = self.assertRaises(StoreFailed, self.claim, self.settings(PLUGIN))
        self.assertIs(error.reason.trouble, Trouble.STORE)
        self.assertEqual(descriptors(), before)
        StateFolder.claim(self.folder).release()

    def test_unwritable(self) -> None:
        """
        That the store can't be written any more is told.
        """
        parts = self.claim(self.settings())
        (self.folder / "store.db").unlink()
        created = parts.keys.create("alice", 1, os.urandom)
        self.failureResultOf(created, StoreFailed)
        told = [event for event in self.memory.events if isinstance(event, StoreUnwritable)]
        self.assertEqual(len(told), 1)
        self.assertIn("store.db", told[0].why)
        self.release(parts)
