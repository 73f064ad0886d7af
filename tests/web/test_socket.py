# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.socket`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import text
from mcpd.web.head import Head
from mcpd.web.reply import Reply, Successor
from mcpd.web.site import Request
from mcpd.web.socket import Sockets, relayed
from mcpd.web.talker import Dispatcher, Talker
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece
from tests.relay.stage import ENVELOPE, House, message
from tests.web.test_handshake import opening


@define(eq=False)
class Doorkeeper:
    """
    One who believes what a client says of itself, and knows tickets.

    Attributes:
        asked: The paths and queries.
    """

    asked: list[tuple[bytes, bytes]] = field(factory=list)

    def judge(
        self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes], path: bytes, query: bytes
    ) -> str:
        """
        Tell who asks.
        """
        self.asked.append((path, query))
        if b"x-name" not in fields:
            raise Fault(Kind.UNAUTHORIZED, "who are you?", headers=((b"WWW-Authenticate", b"Bearer"),))
        return fields[b"x-name"].decode()


@define(eq=False)
class Frames:
    """
    A WebSocket that is open at once (:class:`mcpd.web.reply.Successor`).
    """

    peer: str
    dispatcher: Dispatcher
    protocol: str | None
    due: float = 0.0
    said: list[Any] = field(factory=list)
    talker: Talker = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.talker = self.dispatcher(self)

    def makeConnection(self, transport: ITransport) -> None:
        """
        Have no use for it.
        """

    def dataReceived(self, data: bytes) -> None:
        """
        Take a message.
        """
        self.talker.received(data)

    def connectionLost(self, reason: Failure) -> None:
        """
        Be gone.
        """
        self.talker.lost()

    def check(self, now: float) -> None:
        """
        Have nothing that is due.
        """

    def retire(self) -> None:
        """
        Take nothing new.
        """
        self.talker.retire()

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Keep what is sent.
        """
        self.said.append(message(parts))

    def close(self, code: int, why: str) -> None:
        """
        Keep why it closes.
        """
        self.said.append((code, why))

    def rest(self) -> None:
        """
        Have nothing to do then.
        """


class Factory:
    """
    Makes them.
    """

    def build(self, peer: str, dispatcher: Dispatcher, protocol: str | None) -> Successor:
        """
        Make one.
        """
        return Frames(peer, dispatcher, protocol)


@define(eq=False)
class Switch:
    """
    A connection that can be handed over, or answer once.

    Attributes:
        successors: To whom it was handed over.
        given: The answers: status lines and bodies.
    """

    bodyless: bool = False
    old: bool = False
    successors: list[Any] = field(factory=list)
    given: list[tuple[bytes, bytes]] = field(factory=list)

    def give(self, line: bytes, own: bytes, parts: Sequence[Piece]) -> None:
        """
        Keep an answer.
        """
        self.given.append((line, b"".join(parts)))

    def begin(self, line: bytes, own: bytes, endless: bool) -> bytes:
        """
        Fail.
        """
        raise AssertionError(line)

    def send(self, data: bytes) -> None:
        """
        Fail.
        """
        raise AssertionError(data)

    def later(self, call: Callable[[], None]) -> None:
        """
        Fail.
        """
        raise AssertionError(call)

    def spoke(self) -> None:
        """
        Fail.
        """
        raise AssertionError

    def finished(self) -> None:
        """
        Fail.
        """
        raise AssertionError

    def switch(self, successor: Successor) -> None:
        """
        Be handed over.
        """
        self.successors.append(successor)


def named(path: bytes = b"/ws", *more: tuple[bytes, bytes], **fields: bytes | None) -> Head:
    """
    Make the head of a client that says its name.
    """
    head = opening((b"X-Name", b"key:a"), *more, **fields)
    return replace(head, path=path)


class SocketsTests(SynchronousTestCase):
    """
    Tests for the door.
    """

    def setUp(self) -> None:
        """
        Have a door, and a plugin behind it.
        """
        self.house, self.keeper = House(), Doorkeeper()
        self.sockets = Sockets(self.house.router, self.keeper, Factory(), lambda: "R")

    def refused(self, head: Head) -> Fault:
        """
        Come with what is refused.
        """
        with self.assertRaises(Fault) as caught:
            self.sockets.admit(head)
        fault: Fault = caught.exception
        return fault

    def open(self, head: Head) -> Frames:
        """
        Open a WebSocket.
        """
        switch = Switch()
        reply = Reply(switch, head.id)
        self.sockets.serve(Request(head, self.sockets.admit(head), b""), reply)
        (frames,) = switch.successors
        assert isinstance(frames, Frames)
        self.assertTrue(reply.gone)
        return frames

    def ask(self, frames: Frames, name: str) -> Any:
        """
        Ask which tools there are; the names.
        """
        frames.dataReceived(text("tools/list", {"_meta": ENVELOPE}, name))
        said = frames.said.pop()
        return said["id"], [tool["name"] for tool in said["result"]["tools"]]

    def test_open(self) -> None:
        """
        At one path there are the tools of all plugins, at another those of one, by their own names.
        """
        self.assertEqual(self.ask(self.open(named()), "a"), ("a", ["p__echo", "p__add"]))
        self.assertEqual(self.ask(self.open(named(b"/ws/p")), "b"), ("b", ["echo", "add"]))

    def test_handed_over(self) -> None:
        """
        The WebSocket hears who connects, and which subprotocol to select.
        """
        frames = self.open(named(b"/ws", (b"Sec-WebSocket-Protocol", b"mcp, other")))
        self.assertEqual((frames.peer, frames.protocol), ("192.0.2.1", "mcp"))
        self.assertIsNone(self.open(named()).protocol)

    def test_principal(self) -> None:
        """
        What is said on a WebSocket is said by who opened it.
        """
        frames = self.open(named())
        self.house.router.expel("key:b")
        self.assertEqual(frames.said, [])
        self.house.router.expel("key:a")
        self.assertEqual([code for code, _ in frames.said], [4401])

    def test_judged_once(self) -> None:
        """
        Credentials are shown once, with the path and the query, so that a ticket opens.
        """
        self.open(named())
        self.assertEqual(self.keeper.asked, [(b"/ws", b"a=b")])

    def test_strangers(self) -> None:
        """
        Who may not ask is told that, whether or not there is a plugin, and gets no WebSocket.
        """
        for path in (b"/ws", b"/ws/p", b"/ws/nobody"):
            fault = self.refused(replace(opening(), path=path))
            self.assertIs(fault.kind, Kind.UNAUTHORIZED)
            self.assertEqual(fault.headers, ((b"WWW-Authenticate", b"Bearer"),))

    def test_no_plugin(self) -> None:
        """
        Where no plugin is there is nothing.
        """
        for path in (b"/ws/nobody", b"/ws/mcp"):
            self.assertIs(self.refused(named(path)).kind, Kind.NOT_FOUND)

    def test_no_upgrade(self) -> None:
        """
        What opens no WebSocket is refused before credentials are judged, and uses up no ticket.
        """
        self.assertIs(self.refused(named(upgrade=None)).kind, Kind.UPGRADE_REQUIRED)
        self.assertIs(self.refused(named(key=b"x")).kind, Kind.BAD_REQUEST)
        self.assertEqual(self.keeper.asked, [])

    def test_methods(self) -> None:
        """
        A WebSocket is opened by GET alone.
        """
        self.assertEqual(Sockets.methods, (b"GET",))

    def test_relayed(self) -> None:
        """
        A path for WebSockets stands for the one that HTTP clients use.
        """
        self.assertEqual((relayed(b"/ws"), relayed(b"/ws/ws")), (b"/mcp", b"/mcp/ws"))
