# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.cursors`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.seal import Seal
from mcpd.relay.cursors import Cursors
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Sort

KEY = bytes(range(32))


def entropy(size: int) -> bytes:
    """
    Give bytes that are always the same.
    """
    return b"\7" * size


class CursorsTests(SynchronousTestCase):
    """
    Tests for where a client goes on in a list.
    """

    def setUp(self) -> None:
        """
        Write a cursor.
        """
        self.seal = Seal((KEY,), entropy)
        self.cursors = Cursors(self.seal, 1024)
        self.text = self.cursors.write(Sort.TOOLS, b"/mcp", "key:a", "a__größe", 1000)

    def refused(
        self, text: str, sort: Sort = Sort.TOOLS, path: bytes = b"/mcp", caller: str = "key:a"
    ) -> None:
        """
        Expect that a cursor is refused.
        """
        fault = self.assertRaises(Fault, self.cursors.read, text, sort, path, caller)
        self.assertIs(fault.kind, Kind.PARAMS)
        self.assertIn("not given by this server", fault.text)

    def test_again(self) -> None:
        """
        A client that gives a cursor back goes on where it was.
        """
        read = self.cursors.read(self.text, Sort.TOOLS, b"/mcp", "key:a")
        self.assertEqual(read, ("a__größe", 1000))

    def test_restart(self) -> None:
        """
        A cursor holds over a restart of the daemon.
        """
        later = Cursors(Seal((KEY,), entropy), 1024)
        self.assertEqual(later.read(self.text, Sort.TOOLS, b"/mcp", "key:a"), ("a__größe", 1000))

    def test_closed(self) -> None:
        """
        A cursor says nothing to whom it is given.
        """
        self.assertNotIn("1000", self.text)
        self.assertRegex(self.text, r"\A[A-Za-z0-9_-]+\Z")

    def test_holder(self) -> None:
        """
        A cursor is good for one list, at one path, for one principal.
        """
        self.refused(self.text, sort=Sort.PROMPTS)
        self.refused(self.text, path=b"/mcp/files")
        self.refused(self.text, caller="key:b")

    def test_holders_apart(self) -> None:
        """
        No path and principal can be chosen so that they are written like two others.
        """
        text = self.cursors.write(Sort.TOOLS, b'/a","b', "c", "x", 1)
        self.refused(text, path=b"/a", caller='b","c')
        self.refused(text, path=b"/a", caller="b")

    def test_foreign(self) -> None:
        """
        What was not written here is refused, the empty cursor among it.
        """
        for text in ("", " ", "1000", "\u00e9", "\0", '["a__x",1]', "A" * 64):
            self.refused(text)
        self.refused(Cursors(Seal((b"x" * 32,), entropy), 1024).write(Sort.TOOLS, b"/mcp", "key:a", "x", 1))

    def test_tampered(self) -> None:
        """
        A cursor that was changed anywhere, or made longer or shorter, is refused.
        """
        for place, letter in enumerate(self.text):
            other = "A" if letter != "A" else "B"
            self.refused(self.text[:place] + other + self.text[place + 1 :])
        for text in (self.text + "A", self.text + "=", self.text[:-1], self.text + "-TAMPERED"):
            self.refused(text)

    def test_long(self) -> None:
        """
        What is longer than any cursor is refused without being looked at.
        """
        self.cursors = Cursors(self.seal, len(self.text))
        self.cursors.read(self.text, Sort.TOOLS, b"/mcp", "key:a")
        self.cursors = Cursors(self.seal, len(self.text) - 1)
        self.refused(self.text)

    def test_older(self) -> None:
        """
        What another release sealed for the same holder in another form is refused like the rest.
        """
        about = b'["cursor","tools","/mcp","key:a"]'
        self.cursors.read(self.seal.close(b'["x",1]', about), Sort.TOOLS, b"/mcp", "key:a")
        for text in (b"", b"x", b'["x"]', b'[1,"x"]', b'{"key":"x"}'):
            self.refused(self.seal.close(text, about))
