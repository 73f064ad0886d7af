# -*- test-case-name: tests.policy.test_apikeys -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.policy.apikeys`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.apikeys import ENTROPY, ApiKey, is_well_formed, make, read_id

ZERO = f"mcpd_{'0' * 12}_{'0' * 43}_"
entropy = st.binary(min_size=ENTROPY, max_size=ENTROPY)


class MakeTests(SynchronousTestCase):
    """
    Tests for how a key looks.
    """

    def test_form(self) -> None:
        """
        A key starts with a word that programs look for, and has nothing that a shell or a URL would change.
        """
        self.assertRegex(make(bytes(range(48))), r"^mcpd_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$")
        self.assertTrue(make(bytes(48)).startswith(ZERO))

    def test_whole_secret(self) -> None:
        """
        No bit of the secret is lost: the smallest and the largest differ in all letters that there are.
        """
        largest = make(b"\0" * 16 + b"\xff" * 32).split("_")[2]
        value = 0
        for letter in largest:
            value = value * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(
                letter
            )
        self.assertEqual(value, (1 << 256) - 1)

    def test_apart(self) -> None:
        """
        The part that may be shown says nothing of the secret, and the secret nothing of it.
        """
        one, two = make(b"\x01" * 16 + bytes(32)), make(b"\x02" * 16 + bytes(32))
        self.assertNotEqual(one.split("_")[1], two.split("_")[1])
        self.assertEqual(one.split("_")[2], two.split("_")[2])

    @given(entropy)
    def test_well_formed(self, drawn: bytes) -> None:
        """
        Every key that was made can be a key.
        """
        self.assertTrue(is_well_formed(make(drawn)))


class WellFormedTests(SynchronousTestCase):
    """
    Tests for what can be a key.
    """

    def test_mistyped(self) -> None:
        """
        A key with any one letter changed can't be one.
        """
        key = make(bytes(range(48)))
        for place in range(5, len(key)):
            other = "x" if key[place] != "x" else "y"
            self.assertFalse(is_well_formed(key[:place] + other + key[place + 1 :]), place)

    def test_no_keys(self) -> None:
        """
        Nothing around it, nothing missing, and no letters of other scripts.
        """
        key = make(bytes(range(48)))
        wrong = ("", key[:-1], key + "0", key + "\n", " " + key, key.replace("mcpd", "MCPD"), ZERO + "٣" * 6)
        for text in wrong:
            self.assertFalse(is_well_formed(text), text)


class ReadIdTests(SynchronousTestCase):
    """
    Tests for the part of a key by which it is found.
    """

    @given(entropy)
    def test_key(self, drawn: bytes) -> None:
        """
        A key is found by the part of it that may be shown.
        """
        key = make(drawn)
        self.assertEqual(read_id(key.encode()), key.split("_")[1])
        self.assertEqual(ApiKey.of("alice", key).id, key.split("_")[1])

    @given(st.binary())
    def test_anything(self, presented: bytes) -> None:
        """
        Whatever is presented can be looked for, and is not long.
        """
        self.assertLessEqual(len(read_id(presented)), 12)


class ApiKeyTests(SynchronousTestCase):
    """
    Tests for a key as it is kept.
    """

    def test_opens(self) -> None:
        """
        The key opens, and nothing else does.
        """
        key = make(bytes(range(48)))
        kept = ApiKey.of("alice", key)
        self.assertEqual((kept.name, kept.principal), ("alice", "key:alice"))
        self.assertTrue(kept.opens(key.encode()))
        for wrong in (
            b"",
            key.encode()[:-1],
            key.encode() + b"\n",
            key.lower().encode(),
            make(bytes(48)).encode(),
        ):
            self.assertFalse(kept.opens(wrong), wrong)

    def test_not_shown(self) -> None:
        """
        Neither the key nor its digest stands in what is written of it.
        """
        key = make(bytes(range(48)))
        kept = ApiKey.of("alice", key)
        self.assertEqual(repr(kept), f"ApiKey(id='{key.split('_')[1]}', name='alice')")
