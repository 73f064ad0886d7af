# -*- test-case-name: tests.policy.test_seal -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What strangers keep for us, so that they can neither read nor change it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = 32
"""How many random bytes make a key."""

# NIST SP 800-38D, section 8.2.2: random nonces of 96 bits are good for 2^32
# texts of one key.
_NONCE = 12
_TAG = 16


class Broken(Exception):
    """
    A text that was not sealed here, or about something else.

    It does not say what is wrong with it: only who forges one would ask.
    """


@frozen
class Seal:
    """
    Seals and opens: AES-256-GCM, written in letters that fit everywhere.

    Attributes:
        keys: :data:`KEY` bytes each.  The first seals and all open, so a key
            is changed by putting another before it.
        entropy: Gives so many random bytes.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    entropy: Callable[[int], bytes]

    def close(self, text: bytes, about: bytes) -> str:
        """
        Seal a text.

        Args:
            text: What only we shall read.
            about: What it is bound to, and not a part of it: whoever opens it
                has to say the same.

        Returns:
            Base64 for URLs, without padding (RFC 4648, section 5).
        """
        nonce = self.entropy(_NONCE)
        return _write(nonce + AESGCM(self.keys[0]).encrypt(nonce, text, about))

    def open(self, text: str, about: bytes) -> bytes:
        """
        Open what was sealed.

        Raises:
            Broken: It was not sealed by any of the keys, or about something
                else, or it was changed.
        """
        raw = _read(text)
        for key in self.keys:
            with suppress(InvalidTag):
                return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], about)
        raise Broken


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Broken from None
    # Python's decoder takes the other alphabet, too, and bits beyond the last
    # byte: a text that was changed would still be whole.
    if _write(raw) != text or len(raw) < _NONCE + _TAG:
        raise Broken
    return raw
