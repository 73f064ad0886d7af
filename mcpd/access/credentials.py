# -*- test-case-name: tests.access.test_credentials -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Credentials become a principal.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Protocol

from attrs import define, field, frozen

from mcpd.access.tickets import Tickets
from mcpd.policy.apikeys import ApiKey, read_id
from mcpd.wire.fault import Fault, Kind

ANONYMOUS = "anonymous"
"""Who everybody is where no credentials are asked for."""

_CHALLENGE = ((b"WWW-Authenticate", b"Bearer"),)
_WRONG = ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),)

# Values that are known again, and how many bytes such a one may have.
_MOST = 1024
_LONGEST = 128
# Who has an id that nobody has is refused in the same time: no key has this digest.
_NOBODY = ApiKey("", "", bytes(32))

# How a WebSocket's opening can show a token (docs/websocket-binding.md).
_OFFERED, _BEARER, _TICKET = b"sec-websocket-protocol", b"mcp.bearer.", b"ticket="
_NONE: frozenset[bytes] = frozenset()


class NoCredentials:
    """
    A listener that asks for none; everybody is the same there.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks: nobody in particular.
        """
        return ANONYMOUS


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


class Judge(Protocol):
    """
    Who tells a principal from header fields: one of the above.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str: ...  # noqa: D102  see there


@frozen
class SocketCredentials:
    """
    A WebSocket's opening on a listener, where browsers cannot send header fields of their own.

    Args:
        judge: Who judges the listener's requests.
        tickets: The listener's tickets.
    """

    _judge: Judge
    _tickets: Tickets = field(repr=False)

    def judge(
        self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes], path: bytes, query: bytes
    ) -> str:
        """
        Tell who opens a WebSocket, and use up the ticket if it is shown one.

        The first of these that is there is judged, and the others are not
        looked at, whether it is good or bad: ``Authorization``; a subprotocol
        ``mcp.bearer.`` and the token in base64 for URLs without padding; a
        ticket in the query, the only credential that may stand there.

        Args:
            fields: Lower-case names and values without the blanks around them.
            repeated: Names that came more than once.
            path: What is to be opened.
            query: What follows the target's question mark.

        Returns:
            The principal's name.

        Raises:
            Fault: UNAUTHORIZED.
        """
        if b"authorization" not in fields:
            tokens = _after(_BEARER, fields.get(_OFFERED, b"").split(b","))
            if tokens:
                return self._judge_token(_decode(tokens))
            tickets = _after(_TICKET, query.split(b"&"))
            if tickets:
                return self._take(tickets, fields.get(b"origin"), path) or self._judge_token(b"")
        return self._judge.judge(fields, repeated)

    def _judge_token(self, token: bytes) -> str:
        return self._judge.judge({b"authorization": b"Bearer " + token}, _NONE)

    def _take(self, tickets: list[bytes], origin: bytes | None, path: bytes) -> str | None:
        # Of two another reader may have taken the other one.
        return self._tickets.take(tickets[0], origin, path) if len(tickets) == 1 else None


def _after(start: bytes, items: list[bytes]) -> list[bytes]:
    texts = [item.strip() for item in items]
    return [text[len(start) :] for text in texts if text.startswith(start)]


def _decode(tokens: list[bytes]) -> bytes:
    """
    Read the only token; what cannot be read is an empty one, which opens nothing.
    """
    (text, *more) = tokens
    try:
        token = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
    # Python's decoder passes over what it does not know.
    whole = base64.urlsafe_b64encode(token).rstrip(b"=") == text
    return token if whole and not more else b""
