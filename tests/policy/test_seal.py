# -*- test-case-name: tests.policy.test_seal -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.policy.seal`.
"""

from __future__ import annotations

import base64
import string

from attrs import Factory, define
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.seal import KEY, Broken, Seal
from tests.wire.meaning import modest

ONE, TWO, THREE = (bytes([number]) * KEY for number in (1, 2, 3))
LETTERS = string.ascii_letters + string.digits + "-_"


@define
class Entropy:
    """
    Gives bytes that are other ones each time, and only so random.
    """

    asked: list[int] = Factory(list)

    def __call__(self, count: int) -> bytes:
        """
        Give so many bytes.
        """
        self.asked.append(count)
        return len(self.asked).to_bytes(count, "big")


class SealTests(SynchronousTestCase):
    """
    Tests for what strangers keep for us.
    """

    def setUp(self) -> None:
        """
        Have a seal.
        """
        self.entropy = Entropy()
        self.seal = Seal((ONE,), self.entropy)

    def assert_broken(self, text: str, about: bytes = b"me", seal: Seal | None = None) -> None:
        """
        Look whether a text is refused, without a reason.
        """
        broken = self.assertRaises(Broken, (seal or self.seal).open, text, about)
        self.assertEqual((broken.args, broken.__cause__), ((), None))

    @modest
    @given(st.binary(max_size=40), st.binary(max_size=12))
    def test_opens(self, text: bytes, about: bytes) -> None:
        """
        What was sealed can be opened by who knows what it is about, and travels as letters.
        """
        seal = Seal((ONE,), Entropy())
        closed = seal.close(text, about)
        self.assertEqual(seal.open(closed, about), text)
        self.assertTrue(set(closed) <= set(LETTERS))

    def test_secret(self) -> None:
        """
        A seal shows neither what it holds nor whether it holds the same as another one.
        """
        one, two = self.seal.close(b"files", b"me"), self.seal.close(b"files", b"me")
        self.assertNotEqual(one[16:], two[16:])
        self.assertNotIn(b"files", base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)))
        self.assertEqual(self.entropy.asked, [12, 12])

    def test_key_hidden(self) -> None:
        """
        No log shows a key.
        """
        self.assertNotIn("\\x01", repr(self.seal))

    def test_tampered(self) -> None:
        """
        A seal that was changed anywhere, in whatever way, is refused.
        """
        for size in range(4):
            closed = self.seal.close(b"a" * size, b"me")
            for place in range(len(closed)):
                self.assert_broken(closed[:place])
                self.assert_broken(closed[:place] + closed[place + 1 :])
                self.assert_broken(closed[:place] + "\n" + closed[place:])
                for letter in LETTERS:
                    self.assert_broken(closed[:place] + letter + closed[place:])
                    if letter != closed[place]:
                        self.assert_broken(closed[:place] + letter + closed[place + 1 :])

    def test_other_spelling(self) -> None:
        """
        Something behind a seal, padding and foreign letters are refused, though a lenient decoder drops them.
        """
        for size in range(4):
            closed = self.seal.close(b"a" * size, b"me")
            padding = "=" * (-len(closed) % 4)
            for tail in (
                "-TAMPERED",
                "=",
                "==",
                "===",
                padding + "-TAMPERED",
                " ",
                "\n",
                "!",
                "\x00",
                "\u00e9",
            ):
                self.assert_broken(closed + tail)
            self.assert_broken(" " + closed)
            if padding:
                self.assert_broken(closed + padding)

    def test_other_alphabet(self) -> None:
        """
        The letters of base64's other alphabet are foreign letters.
        """
        nonces = iter((b"\xff" * 12, b"\xfb\xef\xbe" * 4))
        seal = Seal((ONE,), lambda count: next(nonces))
        for plain, other in (("_", "/"), ("-", "+")):
            closed = seal.close(b"", b"me")
            self.assertIn(plain, closed)
            self.assertEqual(seal.open(closed, b"me"), b"")
            self.assert_broken(closed.replace(plain, other), seal=seal)

    def test_nothing(self) -> None:
        """
        What was never a seal is refused.
        """
        for text in ("", "A", "AAAA", "A" * 16, "A" * 37, "A" * 38, "A" * 100, "\ud800"):
            self.assert_broken(text)

    def test_about(self) -> None:
        """
        A seal is of no use to anybody else.
        """
        closed = self.seal.close(b"a", b"me")
        for about in (b"", b"you", b"me ", b"m"):
            self.assert_broken(closed, about)

    def test_other_key(self) -> None:
        """
        What another daemon sealed is refused.
        """
        self.assert_broken(self.seal.close(b"a", b"me"), seal=Seal((TWO, THREE), self.entropy))

    def test_rotation(self) -> None:
        """
        A key can be changed: the first one seals, and what an older one sealed still opens until it is gone.
        """
        old = self.seal.close(b"a", b"me")
        both = Seal((TWO, ONE), self.entropy)
        self.assertEqual(both.open(old, b"me"), b"a")
        new = both.close(b"b", b"me")
        self.assertEqual(Seal((TWO,), self.entropy).open(new, b"me"), b"b")
        self.assert_broken(new)
