# -*- test-case-name: tests.access.test_credentials -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.access.credentials`.
"""

from __future__ import annotations

import base64

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.credentials import KeyCredentials, NoCredentials, SocketCredentials
from mcpd.access.tickets import Tickets
from mcpd.policy.apikeys import ApiKey, make
from mcpd.wire.fault import Fault, Kind

KEY = make(bytes(range(48)))
OTHER = make(bytes(48))
NONE: frozenset[bytes] = frozenset()


@define
class Ring:
    """
    Keys that open.

    Attributes:
        living: Them.
        asked: Which ones were looked for.
    """

    living: dict[str, ApiKey] = field(factory=dict)
    asked: list[str] = field(factory=list)

    def add(self, name: str, key: str) -> None:
        """
        Let a key open.
        """
        made = ApiKey.of(name, key)
        self.living[made.id] = made

    def find(self, id: str) -> ApiKey | None:
        """
        Find one.
        """
        self.asked.append(id)
        return self.living.get(id)


def numbered(number: int) -> str:
    """
    Make up a key.
    """
    return make(number.to_bytes(16, "big") + bytes(32))


class NoCredentialsTests(SynchronousTestCase):
    """
    Tests for a listener that asks for nothing.
    """

    def test_anonymous(self) -> None:
        """
        Everybody is the same, whatever they show.
        """
        shown = {b"authorization": b"Bearer " + KEY.encode()}
        for fields in ({}, shown, {b"authorization": b"nonsense"}):
            self.assertEqual(NoCredentials().judge(fields, NONE), "anonymous")


class KeyCredentialsTests(SynchronousTestCase):
    """
    Tests for a listener that asks for a key.
    """

    def setUp(self) -> None:
        """
        Have a key that opens, and others that do.
        """
        self.ring = Ring()
        self.ring.add("default", KEY)
        for number in range(1, 3):
            self.ring.add(f"k{number}", numbered(number))
        self.credentials = KeyCredentials(self.ring)

    def judge(self, value: bytes, repeated: frozenset[bytes] = NONE) -> str:
        """
        Show a field's value.
        """
        return self.credentials.judge({b"authorization": value}, repeated)

    def refused(self, value: bytes, repeated: frozenset[bytes] = NONE) -> Fault:
        """
        Show a field's value that must not open.
        """
        with self.assertRaises(Fault, msg=repr(value)) as caught:
            self.judge(value, repeated)
        fault: Fault = caught.exception
        return fault

    def test_key(self) -> None:
        """
        Who has the key is known by its name.
        """
        self.assertEqual(self.judge(b"Bearer " + KEY.encode()), "key:default")

    def test_scheme(self) -> None:
        """
        The scheme may be written in any case, with any blanks before the key (RFC 9110, section 11.1).
        """
        for start in (b"bearer ", b"BEARER ", b"Bearer   "):
            self.assertEqual(self.judge(start + KEY.encode()), "key:default")

    def test_nothing(self) -> None:
        """
        Who shows nothing is told what to show, and not that it was wrong (RFC 6750, section 3.1).
        """
        with self.assertRaises(Fault) as caught:
            self.credentials.judge({b"cookie": KEY.encode(), b"x-api-key": KEY.encode()}, NONE)
        fault = caught.exception
        self.assertIs(fault.kind, Kind.UNAUTHORIZED)
        self.assertEqual(fault.headers, ((b"WWW-Authenticate", b"Bearer"),))

    def test_again(self) -> None:
        """
        Who has shown the key is known when it comes again, and nobody else is.
        """
        good = b"Bearer " + KEY.encode()
        for _ in range(3):
            self.assertEqual(self.judge(good), "key:default")
            for wrong in (b"", good[:-1], good + b"x", b"Bearer " + OTHER.encode()):
                self.refused(wrong)

    def test_many(self) -> None:
        """
        Everybody is known by their own key, in whatever order they come.
        """
        for number in (1, 2, 1, 1, 2):
            self.assertEqual(self.judge(b"Bearer " + numbered(number).encode()), f"key:k{number}")
        self.assertEqual(self.judge(b"Bearer " + KEY.encode()), "key:default")

    def test_mixed(self) -> None:
        """
        The part of a key that may be shown opens nothing with another key's secret.
        """
        one, other = KEY.split("_"), numbered(1).split("_")
        other[1] = one[1]
        self.refused(b"Bearer " + "_".join(other).encode())
        for parts in (one[:2], [*one[:2], "", ""], [*one[:2], "0" * 43, one[3]]):
            self.refused(b"Bearer " + "_".join(parts).encode())

    def test_revoked(self) -> None:
        """
        A key that was revoked is refused at once, however often it was good before.
        """
        good = b"Bearer " + KEY.encode()
        for _ in range(2):
            self.judge(good)
        self.ring.living.clear()
        for _ in range(2):
            self.refused(good)

    def test_other_name(self) -> None:
        """
        Who holds a key that is given to another name is known by that name from then on.
        """
        good = b"Bearer " + KEY.encode()
        self.judge(good)
        self.ring.add("alice", KEY)
        self.assertEqual(self.judge(good), "key:alice")

    def test_crowd(self) -> None:
        """
        However many come, each is known, the first one, too.
        """
        for number in range(3000):
            self.ring.add(f"k{number}", numbered(number))
            self.assertEqual(self.judge(b"Bearer " + numbered(number).encode()), f"key:k{number}")
        self.assertEqual(self.judge(b"Bearer " + KEY.encode()), "key:default")
        self.assertLessEqual(len(self.credentials._good), 1024)

    def test_blanks(self) -> None:
        """
        Who sends very many blanks before a key is known, too, but takes no room.
        """
        for count in range(200):
            self.assertEqual(self.judge(b"Bearer " + b" " * count + KEY.encode()), "key:default")
        self.assertLessEqual(max(map(len, self.credentials._good)), 128)

    def test_same_way(self) -> None:
        """
        Who makes up a whole key is looked for and refused in the same way as who knows a part of one.
        """
        faults = []
        for key in (OTHER, KEY[:-8] + OTHER[-8:]):
            faults.append(self.refused(b"Bearer " + key.encode()))
        self.assertEqual(self.ring.asked, [OTHER.split("_")[1], KEY.split("_")[1]])
        self.assertEqual((faults[0].text, faults[0].headers), (faults[1].text, faults[1].headers))

    def test_wrong(self) -> None:
        """
        Nothing but the whole key behind its scheme opens, and the refusal says no more than that.
        """
        key = KEY.encode()
        token = b"Bearer "
        wrong = (
            b"", b"Bearer", token, key, b"Basic " + key, b"Token " + key, token + OTHER.encode(),
            token + key[:-1], token + key + b"x", token + key + b", " + token + key, token + key.lower(),
            token + b'"' + key + b'"', token + b"\xff" * len(key), b"Bearer\t" + key,
        )  # fmt: skip
        for value in wrong:
            fault = self.refused(value)
            self.assertIs(fault.kind, Kind.UNAUTHORIZED)
            self.assertEqual(fault.text, "these credentials are not accepted")
            self.assertEqual(fault.headers, ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),))

    def test_repeated(self) -> None:
        """
        A key in a field that came twice does not open: another reader may have taken the other one.
        """
        for _ in range(2):
            self.refused(b"Bearer " + KEY.encode(), frozenset((b"authorization",)))
            self.judge(b"Bearer " + KEY.encode())
        self.assertEqual(self.judge(b"Bearer " + KEY.encode(), frozenset((b"cookie",))), "key:default")

    def test_kept(self) -> None:
        """
        The key does not stand in what is written of the credentials.
        """
        self.judge(b"Bearer " + KEY.encode())
        for part in KEY.split("_")[1:]:
            self.assertNotIn(part, repr(self.credentials))


def bearer(token: str) -> bytes:
    """
    Write a token as a subprotocol.
    """
    return b"mcp.bearer." + base64.urlsafe_b64encode(token.encode()).rstrip(b"=")


class SocketCredentialsTests(SynchronousTestCase):
    """
    Tests for a WebSocket's opening.
    """

    def setUp(self) -> None:
        """
        Have two keys that open, and no tickets.
        """
        self.ring = Ring()
        self.ring.add("default", KEY)
        self.ring.add("k1", numbered(1))
        self.tickets = Tickets(Clock(), bytes, 10)
        self.credentials = SocketCredentials(KeyCredentials(self.ring), self.tickets)

    def judge(
        self,
        authorization: bytes | None = None,
        protocols: bytes | None = None,
        query: bytes = b"",
        origin: bytes | None = None,
        path: bytes = b"/ws",
    ) -> str:
        """
        Open with these.
        """
        shown = {b"authorization": authorization, b"sec-websocket-protocol": protocols, b"origin": origin}
        fields = {name: value for name, value in shown.items() if value is not None}
        return self.credentials.judge(fields, NONE, path, query)

    def refused(
        self, authorization: bytes | None = None, protocols: bytes | None = None, query: bytes = b""
    ) -> Fault:
        """
        Open with what must not open.
        """
        with self.assertRaises(Fault, msg=repr((authorization, protocols, query))) as caught:
            self.judge(authorization, protocols, query)
        fault: Fault = caught.exception
        self.assertIs(fault.kind, Kind.UNAUTHORIZED)
        return fault

    def ticket(self) -> bytes:
        """
        Have a ticket given to somebody else; the query with it.
        """
        return b"ticket=" + self.tickets.give("key:t", None, b"/ws").encode()

    def test_header(self) -> None:
        """
        The header field opens a WebSocket as it does anything else.
        """
        self.assertEqual(self.judge(b"Bearer " + KEY.encode()), "key:default")
        self.refused(b"Bearer " + OTHER.encode())
        with self.assertRaises(Fault):
            self.credentials.judge(
                {b"authorization": b"Bearer " + KEY.encode()}, frozenset((b"authorization",)), b"/ws", b""
            )

    def test_protocol(self) -> None:
        """
        A browser shows the key as a subprotocol, wherever in the list.
        """
        own = bearer(KEY)
        for value in (own, b"mcp, " + own, own + b",mcp", b"mcp ,\t" + own + b" , other"):
            self.assertEqual(self.judge(protocols=value), "key:default")

    def test_protocol_wrong(self) -> None:
        """
        A subprotocol with anything else than the one whole key, written in one way, opens nothing.
        """
        own, key = bearer(KEY), KEY.encode()
        wrong = (
            b"mcp.bearer.", b"mcp.bearer.A", b"mcp.bearer." + key, own + b"=", own[:-1], own + b"A",
            bearer(OTHER), own[:-4] + b"!" + own[-4:], own[:-4] + b".." + own[-4:], own.lower(),
            own + b", " + bearer(OTHER), own + b", " + own, b"mcp.bearer.\xff\xff\xff\xff",
        )  # fmt: skip
        for value in wrong:
            fault = self.refused(protocols=b"mcp, " + value)
            self.assertEqual(fault.text, "these credentials are not accepted")
            self.assertEqual(fault.headers, ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),))

    def test_ticket(self) -> None:
        """
        A ticket in the query opens once, wherever it stands there.
        """
        for start, end in ((b"", b""), (b"a=b&", b""), (b"", b"&a=b"), (b"mytickets=1&", b"&&")):
            query = start + self.ticket() + end
            self.assertEqual(self.judge(query=query), "key:t")
            self.refused(query=query)

    def test_ticket_bound(self) -> None:
        """
        A ticket opens only for the page and at the path for which it was asked.
        """
        page = b"https://app.example.org"
        query = b"ticket=" + self.tickets.give("key:t", page, b"/ws/files").encode()
        self.assertEqual(self.judge(query=query, origin=page, path=b"/ws/files"), "key:t")
        query = b"ticket=" + self.tickets.give("key:t", page, b"/ws/files").encode()
        with self.assertRaises(Fault):
            self.judge(query=query, origin=page)

    def test_ticket_wrong(self) -> None:
        """
        A ticket that is none is refused like a key that is none, and so are two.
        """
        for query in (b"ticket=", b"ticket=AAAA", b"ticket=" + KEY.encode(), self.ticket() + b"&ticket=AAAA"):
            fault = self.refused(query=query)
            self.assertEqual(fault.text, "these credentials are not accepted")
            self.assertEqual(fault.headers, ((b"WWW-Authenticate", b'Bearer error="invalid_token"'),))

    def test_nothing(self) -> None:
        """
        Who shows nothing is told what to show; a key in the query is nothing.
        """
        for query in (b"", b"token=" + KEY.encode(), b"access_token=" + KEY.encode(), b"Ticket=1"):
            fault = self.refused(protocols=b"mcp", query=query)
            self.assertEqual(fault.headers, ((b"WWW-Authenticate", b"Bearer"),))

    def test_order(self) -> None:
        """
        A header field beats a subprotocol, which beats a ticket, and a ticket that was beaten is not used up.
        """
        header, protocol, ticket = b"Bearer " + KEY.encode(), bearer(numbered(1)), self.ticket()
        self.assertEqual(self.judge(header, protocol, ticket), "key:default")
        self.assertEqual(self.judge(None, protocol, ticket), "key:k1")
        self.assertEqual(self.judge(None, b"mcp", ticket), "key:t")

    def test_no_falling_back(self) -> None:
        """
        Where the first is wrong, a good one behind it opens nothing.
        """
        protocol, ticket = bearer(KEY), self.ticket()
        self.refused(b"Bearer " + OTHER.encode(), protocol, ticket)
        self.refused(b"", protocol, ticket)
        self.refused(None, bearer(OTHER), ticket)
        self.refused(None, b"mcp.bearer.", ticket)
        self.assertEqual(self.judge(query=ticket), "key:t")

    def test_revoked(self) -> None:
        """
        A key that was revoked opens no WebSocket either.
        """
        self.judge(protocols=bearer(KEY))
        self.ring.living.clear()
        self.refused(protocols=bearer(KEY))

    def test_anonymous(self) -> None:
        """
        A listener that asks for nothing lets everybody in, whatever they show, but knows its tickets.
        """
        self.credentials = SocketCredentials(NoCredentials(), self.tickets)
        self.assertEqual(self.judge(), "anonymous")
        self.assertEqual(self.judge(b"nonsense"), "anonymous")
        self.assertEqual(self.judge(None, b"mcp.bearer.!"), "anonymous")
        self.assertEqual(self.judge(None, None, b"ticket=AAAA"), "anonymous")
        self.assertEqual(self.judge(None, None, self.ticket()), "key:t")

    def test_kept(self) -> None:
        """
        Neither key nor ticket stands in what is written of the credentials, or in a refusal.
        """
        self.judge(protocols=bearer(KEY))
        ticket = self.ticket()
        fault = self.refused(None, bearer(OTHER), ticket)
        for text in (repr(self.credentials), repr(fault), str(fault)):
            for secret in (*KEY.split("_")[1:], *OTHER.split("_")[1:], ticket.decode()[7:]):
                self.assertNotIn(secret, text)
