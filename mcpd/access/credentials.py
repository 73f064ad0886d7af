# -*- test-case-name: tests.access.test_credentials -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Credentials become a principal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import define, field

from mcpd.policy.apikeys import ApiKey, read_id
from mcpd.wire.fault import Fault, Kind

_CHALLENGE = ((b"WWW-Authenticate", b"Bearer"),)
_WRONG = ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),)

# Values that are known again, and how many bytes such a one may have.
_MOST = 1024
_LONGEST = 128
# Who has an id that nobody has is refused in the same time: no key has this digest.
_NOBODY = ApiKey("", "", bytes(32))


class NoCredentials:
    """
    A listener that asks for none; everybody is the same there.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks: nobody in particular.
        """
        return "anonymous"


class Keyring(Protocol):
    """
    Who knows the keys that open.
    """

    def find(self, id: str) -> ApiKey | None:
        """
        Find a key by the part of it that may be shown; None if it opens no more, too.
        """


@define(eq=False)
class KeyCredentials:
    """
    A listener that asks for an API key.

    Attributes:
        keys: The keys that open it.
    """

    _keys: Keyring = field(repr=False)
    _good: dict[bytes, ApiKey] = field(init=False, factory=dict, repr=False)

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks, from the field ``Authorization: Bearer`` (RFC 6750, section 2.1) alone.

        A key in the address or in a cookie is not looked at: both end up in
        places where no secret belongs.

        Args:
            fields: Lower-case names and values without the blanks around them.
            repeated: Names that came more than once.

        Returns:
            The principal's name.

        Raises:
            Fault: UNAUTHORIZED.
        """
        value = fields.get(b"authorization")
        if value is None:
            raise Fault(Kind.UNAUTHORIZED, "credentials are required", headers=_CHALLENGE)
        if b"authorization" in repeated:
            raise Fault(Kind.UNAUTHORIZED, "these credentials are not accepted", headers=_WRONG)
        # What was good before is good again without being hashed, as long as its
        # key is the one that opens.  A dictionary tells nobody how nearly right
        # a value is: it compares only values with the same keyed hash.
        known = self._good.get(value)
        if known is not None and self._keys.find(known.id) is known:
            return known.principal
        scheme, _, token = value.partition(b" ")
        token = token.strip(b" ")
        key = self._keys.find(read_id(token)) or _NOBODY
        good = key.opens(token)
        if scheme.lower() != b"bearer" or not good:
            raise Fault(Kind.UNAUTHORIZED, "these credentials are not accepted", headers=_WRONG)
        self._keep(value, key)
        return key.principal

    def _keep(self, value: bytes, key: ApiKey) -> None:
        # Bounded: the blanks before a key can be as many as a field may have.
        if len(value) <= _LONGEST:
            if len(self._good) >= _MOST:
                self._good.clear()
            self._good[value] = key
