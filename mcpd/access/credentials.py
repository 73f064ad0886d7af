# -*- test-case-name: tests.access.test_credentials -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Credentials become a principal.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

from attrs import define, field

from mcpd.policy.apikeys import ApiKey
from mcpd.wire.fault import Fault, Kind

_CHALLENGE = ((b"WWW-Authenticate", b"Bearer"),)
_WRONG = ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),)


class NoCredentials:
    """
    A listener that asks for none; everybody is the same there.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks: nobody in particular.
        """
        return "anonymous"


@define(eq=False)
class KeyCredentials:
    """
    A listener that asks for an API key.

    Attributes:
        key: The key that opens it.
        principal: Who has it.
    """

    key: ApiKey
    principal: str = field(init=False)
    _good: bytes = field(init=False, default=b"", repr=False)

    def __attrs_post_init__(self) -> None:
        self.principal = f"key:{self.key.name}"

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
        # What was good last time is good again without being hashed.
        if self._good and compare_digest(value, self._good):
            return self.principal
        scheme, _, token = value.partition(b" ")
        good = self.key.opens(token.strip(b" "))
        if scheme.lower() != b"bearer" or not good:
            raise Fault(Kind.UNAUTHORIZED, "these credentials are not accepted", headers=_WRONG)
        self._good = value
        return self.principal
