# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.breadth`.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.breadth import MEMBERS, SHARE, is_broad, is_envelope_broad, pieces_decoder

# What stands between names and values, and between members.
SPACES = ((b":", b","), (b" : ", b",\n "))


def members(count: int, space: tuple[bytes, bytes] = SPACES[0], twice: bool = False) -> bytes:
    """
    Write so many members, all of one name or each of its own.
    """
    colon, comma = space
    return comma.join(b'"%b"%b1' % (b"" if twice else b"%d" % number, colon) for number in range(count))


def messages(count: int, space: tuple[bytes, bytes], twice: bool) -> dict[str, bytes]:
    """
    Write a message with so many members in each of the places where they may stand.
    """
    many, half, rest = (members(number, space, twice) for number in (count, count // 2, count - count // 2))
    return {
        "params": b'{"id":1,"method":"a","params":{%b}}' % many,
        "result": b'{"params":null,"result":{%b}}' % many,
        "envelope": b"{%b}" % many,
        "several": b'{"params":{%b},"params":{%b}}' % (half, rest),
    }


class BroadTests(SynchronousTestCase):
    """
    Tests for messages with many members.
    """

    def test_bound(self) -> None:
        """
        So many members as are allowed are, in the envelope, params and a result; one more is too many.
        """
        for most in (MEMBERS, SHARE):
            for space in SPACES:
                for twice in (False, True):
                    seen = {
                        name: (is_broad(text, most), is_broad(messages(most + 1, space, twice)[name], most))
                        for name, text in messages(most, space, twice).items()
                    }
                    self.assertEqual(set(seen.values()), {(False, True)}, (most, space, twice))

    def test_after_one_another(self) -> None:
        """
        What one message had is not counted against the next.
        """
        broad = messages(MEMBERS + 1, SPACES[0], False)["params"]
        close = messages(MEMBERS, SPACES[0], False)["params"]
        self.assertEqual([is_broad(text, MEMBERS) for text in (broad, close, close)], [True, False, False])

    def test_inside(self) -> None:
        """
        Arguments may have as many members as they like, and texts as many colons.
        """
        inside = b"{%b}" % members(5 * MEMBERS)
        for value in (inside, b"[%b]" % inside, b'"%b"' % (b":" * 5 * MEMBERS)):
            self.assertFalse(is_broad(b'{"params":{"arguments":%b}}' % value, MEMBERS))

    def test_early(self) -> None:
        """
        What comes after the first member too many is not looked at, however much it is.
        """
        broad = b'{"params":{%b,' % members(MEMBERS + 1)
        self.assertTrue(is_broad(broad, MEMBERS))
        self.assertTrue(is_envelope_broad(b"{%b," % members(MEMBERS + 1), MEMBERS))
        self.assertFalse(is_broad(b'{"params":{%b,' % members(MEMBERS), MEMBERS))

    def test_long_name(self) -> None:
        """
        The one name that is not counted is so long that it can't be sent often.
        """
        long = b'"%b":1' % (b"x" * 5 * MEMBERS)
        self.assertFalse(is_broad(b"{%b,%b}" % (long, members(MEMBERS)), MEMBERS))
        self.assertTrue(is_broad(b"{%b,%b}" % (long, members(MEMBERS + 1)), MEMBERS))

    def test_no_message(self) -> None:
        """
        What is no message has no members, so that its reader finds what is wrong.
        """
        colons = b":" * 6 * MEMBERS
        for text in (colons, b"[%b]" % colons, b'{"params":[],"a":"%b"}' % colons, b"[" * 100_000 + colons):
            self.assertFalse(is_broad(text, MEMBERS), text[:20])
            self.assertFalse(is_envelope_broad(text, MEMBERS), text[:20])

    def test_envelope(self) -> None:
        """
        The envelope is told from what is in it.
        """
        texts = messages(MEMBERS + 1, SPACES[0], False)
        broad = {name for name, text in texts.items() if is_envelope_broad(text, MEMBERS)}
        self.assertEqual(broad, {"envelope"})


class PiecesTests(SynchronousTestCase):
    """
    Tests for arrays of a few items.
    """

    def test_items(self) -> None:
        """
        The items come in order, as they stood; the places that are left are empty.
        """
        for text, items in ((b"[]", [b"", b""]), (b"[ 1.0 ]", [b"1.0", b""]), (b'["a",{}]', [b'"a"', b"{}"])):
            self.assertEqual([bytes(item) for item in astuple(pieces_decoder(2)(text))], items)

    def test_too_many(self) -> None:
        """
        What comes after the first item too many is not looked at.
        """
        for text in (b"[1,2,3]", b"[1,2,3,oh", b"{}"):
            self.assertRaises(msgspec.ValidationError, pieces_decoder(2), text)
        broken = self.assertRaises(msgspec.DecodeError, pieces_decoder(2), b"[1,2,")
        self.assertNotIsInstance(broken, msgspec.ValidationError)
