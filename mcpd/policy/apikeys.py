# -*- test-case-name: tests.policy.test_apikeys -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
API keys: how one is made, and how one is known again.

A key reads ``mcpd_ID_SECRET_CHECK``.  The first word can be found by programs
that look for leaked secrets, the check refuses a mistyped key without looking
it up, and the secret has 256 random bits, so a fast hash is as good as a slow
one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib

from attrs import field, frozen

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID, _SECRET, _CHECK = 12, 43, 6
ENTROPY = 48
"""How many random bytes make a key."""

_FORM = re.compile(r"mcpd_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\Z", re.ASCII)


def _letters(number: int, count: int) -> str:
    out = ""
    for _ in range(count):
        number, rest = divmod(number, len(_LETTERS))
        out = _LETTERS[rest] + out
    return out


def make(entropy: bytes) -> str:
    """
    Make a key.

    Args:
        entropy: :data:`ENTROPY` random bytes.
    """
    id = _letters(int.from_bytes(entropy[:16], "big"), _ID)
    body = f"mcpd_{id}_{_letters(int.from_bytes(entropy[16:], 'big'), _SECRET)}"
    return f"{body}_{_letters(zlib.crc32(body.encode()), _CHECK)}"


def is_well_formed(key: str) -> bool:
    """
    Say whether a text can be a key at all.
    """
    if not _FORM.match(key):
        return False
    body, _, check = key.rpartition("_")
    return check == _letters(zlib.crc32(body.encode()), _CHECK)


def read_id(presented: bytes) -> str:
    """
    Read the part of a key that may be shown, by which it is found.

    Whatever is presented has one, if only an empty one: to be found is not to
    be let in.
    """
    return presented[len("mcpd_") :][:_ID].decode("latin-1")


@frozen
class ApiKey:
    """
    A key that opens, as it is kept.

    Attributes:
        id: The part of it that may be shown.
        name: Whose it is.
        digest: SHA-256 of the whole key.
        principal: ``key:NAME``.
    """

    id: str
    name: str
    digest: bytes = field(repr=False)
    principal: str = field(init=False, repr=False)

    @principal.default
    def _principal(self) -> str:
        return f"key:{self.name}"

    @classmethod
    def of(cls, name: str, key: str) -> ApiKey:
        """
        Keep a key's digest.
        """
        whole = key.encode()
        return cls(read_id(whole), name, hashlib.sha256(whole).digest())

    def opens(self, presented: bytes) -> bool:
        """
        Say whether this is the key, in a time that does not tell how nearly it is.
        """
        return hmac.compare_digest(hashlib.sha256(presented).digest(), self.digest)
