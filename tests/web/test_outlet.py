# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.outlet`.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from mcpd.units import Bytes
from mcpd.web.outlet import PRIVATE, DirectOutlet, Outlet, choose
from mcpd.web.spec import Limits
from tests.web.stage import Socket

LIMITS = Limits(unsent=Bytes(100))


class ChoiceTests(SynchronousTestCase):
    """
    Which outlet fits which transport.
    """

    def choose(self, transport: object) -> type[Outlet]:
        """
        Choose, and tell which.
        """
        return type(choose(transport, LIMITS, set(), Clock()))

    def test_plain(self) -> None:
        """
        A plain socket is sent to at once.
        """
        self.assertIs(self.choose(Socket(Clock())), DirectOutlet)

    def test_tls(self) -> None:
        """
        TLS is never overtaken, although it lends its socket's names.
        """
        wrapper: Any = ProtocolWrapper(WrappingFactory(None), Protocol())
        wrapper.transport = Socket(Clock())
        wrapper.registerProducer = lambda producer, streaming: None
        self.assertTrue(hasattr(wrapper, "dataBuffer"))
        self.assertIs(self.choose(wrapper), Outlet)
        secure = Socket(Clock())
        secure.registerProducer = lambda producer, streaming: None  # type: ignore[attr-defined]
        alsoProvides(secure, ISSLTransport)
        self.assertIs(self.choose(secure), Outlet)

    def test_unknown(self) -> None:
        """
        An unknown transport is written to as any transport is.
        """
        self.assertIs(self.choose(StringTransport()), Outlet)


class TwistedTests(SynchronousTestCase):
    """
    The names that Twisted keeps to itself.
    """

    def setUp(self) -> None:
        """
        Make one of Twisted's own connections, over a pair of sockets.
        """
        near, self.far = socket.socketpair()
        port: Any = None
        near.setblocking(False)
        self.reactor = MemoryReactorClock()
        self.server = Server(near, Protocol(), ("127.0.0.1", 1), port, 1, self.reactor)
        self.outlet = choose(self.server, LIMITS, set(), self.reactor)
        self.addCleanup(self.far.close)
        self.addCleanup(near.close)

    def test_names(self) -> None:
        """
        Twisted's connections have them, and are sent to at once.
        """
        for name in PRIVATE:
            self.assertTrue(hasattr(self.server, name), name)
        self.assertIs(type(self.outlet), DirectOutlet)
        self.outlet.send(b"hello")
        self.assertEqual(self.far.recv(10), b"hello")
        self.assertEqual(self.outlet.waiting, 0)
        self.assertEqual(self.reactor.getWriters(), [])

    def test_rest(self) -> None:
        """
        What a socket does not take at once goes out in order, and is counted while it waits.
        """
        data = bytes(range(256)) * 8000
        self.outlet.send(data)
        waiting = self.outlet.waiting
        self.assertTrue(0 < waiting < len(data))
        self.assertEqual(self.reactor.getWriters(), [self.server])
        got = b""
        while len(got) < len(data):
            got += self.far.recv(1 << 20)
            if self.outlet.waiting:
                self.server.doWrite()
        self.assertEqual((got == data, self.outlet.waiting), (True, 0))

    def test_broken(self) -> None:
        """
        A connection that broke is left for Twisted to find.
        """
        self.far.close()
        self.outlet.send(b"hello")
        self.outlet.send(b"hello")
        self.assertEqual(self.reactor.getWriters(), [self.server])
        self.assertIsInstance(self.server.doWrite(), Exception)


class DirectTests(SynchronousTestCase):
    """
    Plain sockets.
    """

    def setUp(self) -> None:
        """
        Open a socket that takes ten bytes.
        """
        self.clock = Clock()
        self.socket = Socket(self.clock, room=10)
        self.slow: set[Outlet] = set()
        self.outlet = choose(self.socket, LIMITS, self.slow, self.clock)

    def look(self, seconds: float) -> None:
        """
        Let time pass, and look.
        """
        self.clock.advance(seconds)
        for outlet in tuple(self.slow):
            outlet.look(self.clock.seconds())

    def test_order(self) -> None:
        """
        Nothing overtakes what waits.
        """
        for text in (b"12345678", b"abcdefgh", b"ABCDEFGH"):
            self.outlet.send(text)
            self.socket.room = 10 if text == b"abcdefgh" else self.socket.room
        self.assertEqual((bytes(self.socket.taken), self.outlet.waiting), (b"12345678ab", 14))
        self.socket.take(100)
        self.outlet.send(b"!")
        self.assertEqual(self.socket.taken, b"12345678abcdefghABCDEFGH!")

    def test_goes_on(self) -> None:
        """
        A long answer is sent on while the socket takes it.
        """
        takes = iter((4, 4, 2))

        def send(data: bytes) -> int:
            size = min(len(data), next(takes))
            self.socket.taken += data[:size]
            return size

        self.socket.writeSomeData = send  # type: ignore[method-assign]
        self.outlet.send(b"0123456789")
        self.assertEqual((bytes(self.socket.taken), self.slow), (b"0123456789", set()))

    def test_stalled(self) -> None:
        """
        A client that takes nothing for the time is cut, and not before.
        """
        self.outlet.send(b"x" * 20)
        self.look(29)
        self.assertNotIn("abort", self.socket.said)
        self.look(2)
        self.assertIn("abort", self.socket.said)
        self.assertEqual(self.slow, set())

    def test_slow(self) -> None:
        """
        A client that takes a little now and then is not cut, though more is sent to it.
        """
        self.outlet.send(b"x" * 40)
        for _ in range(10):
            self.look(20)
            self.outlet.send(b"xx")
            self.socket.take(3)
        self.assertNotIn("abort", self.socket.said)
        self.socket.take(100)
        self.look(1)
        self.assertEqual(self.slow, set())
        self.outlet.send(b"x" * 20)
        self.look(29)
        self.assertNotIn("abort", self.socket.said)

    def test_too_much(self) -> None:
        """
        A client for which too much waits is cut; one long answer alone is no reason.
        """
        self.outlet.send(b"x" * 500)
        self.assertEqual(self.socket.said, [])
        self.outlet.send(b"x")
        self.assertEqual(self.socket.said, ["abort"])
        self.assertEqual(self.outlet.waiting, 490)

    def test_closing(self) -> None:
        """
        A connection closes behind what waits, on either side.
        """
        self.outlet.finish()
        self.outlet.close()
        self.assertEqual(self.socket.said, ["finish", "close"])

    def test_forget(self) -> None:
        """
        A connection that is gone is looked at no more.
        """
        self.outlet.send(b"x" * 20)
        self.outlet.forget()
        self.assertEqual(self.slow, set())

    def test_release(self) -> None:
        """
        A transport that another takes over is looked at no more.
        """
        self.outlet.send(b"x" * 20)
        self.outlet.release()
        self.assertEqual((self.slow, self.socket.said), (set(), []))


class Secret(ProtocolWrapper):
    """
    TLS over a socket, as far as its outlet is concerned.

    Attributes:
        said: What was asked of it.
    """

    def __init__(self, socket: Socket) -> None:
        super().__init__(WrappingFactory(None), Protocol())
        self.transport: Any = socket
        self.said: list[str] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        Have somebody to tell when the socket is full.
        """
        self.said.append("register")

    def unregisterProducer(self) -> None:
        """
        Have nobody any more.
        """
        self.said.append("unregister")

    def loseConnection(self) -> None:
        """
        Say goodbye, and wait for the client's.
        """
        self.said.append("goodbye")
        self.write(b"BYE")


class SecretTests(SynchronousTestCase):
    """
    TLS, behind which is a socket that takes nothing at once.
    """

    def setUp(self) -> None:
        """
        Open one.
        """
        self.clock = Clock()
        above: Any = Protocol()
        self.socket = Socket(self.clock, above)
        self.tls = Secret(self.socket)
        self.slow: set[Outlet] = set()
        self.outlet = choose(self.tls, LIMITS, self.slow, self.clock)

    def look(self, seconds: float) -> None:
        """
        Let time pass, and look.
        """
        self.clock.advance(seconds)
        for outlet in tuple(self.slow):
            outlet.look(self.clock.seconds())

    def test_waiting(self) -> None:
        """
        What waits in the socket is counted, whoever put it there.
        """
        self.outlet.send(b"x" * 60)
        self.tls.write(b"y" * 41)
        self.assertEqual(self.outlet.waiting, 101)
        self.outlet.send(b"z")
        self.assertEqual(self.socket.said, ["abort"])

    def test_close(self) -> None:
        """
        Whoever is slow to say goodbye gets all of their answer, and as much time for it as they take some.
        """
        self.outlet.send(b"x" * 90)
        self.outlet.close()
        self.assertEqual(
            (self.tls.said, self.socket.said), (["register", "unregister", "goodbye"], ["close"])
        )
        for _ in range(9):
            self.look(20)
            self.socket.take(10)
        self.assertTrue(self.outlet.waiting)
        self.socket.take(10)
        self.assertEqual((bytes(self.socket.taken), self.socket.said), (b"x" * 90 + b"BYE", ["close"]))

    def test_close_never_taken(self) -> None:
        """
        Whoever takes nothing any more is cut, though the connection is closing.
        """
        self.outlet.send(b"x")
        self.outlet.close()
        self.look(29)
        self.assertNotIn("abort", self.socket.said)
        self.look(2)
        self.assertIn("abort", self.socket.said)

    def test_slow(self) -> None:
        """
        A client that takes a little now and then is not cut, and one that does not is.
        """
        self.outlet.send(b"x" * 90)
        self.outlet.pauseProducing()
        for _ in range(10):
            self.look(20)
            self.socket.take(3)
        self.look(29)
        self.assertNotIn("abort", self.socket.said)
        self.look(30)
        self.assertIn("abort", self.socket.said)


class AnyTests(SynchronousTestCase):
    """
    Any other transport.
    """

    def setUp(self) -> None:
        """
        Open a transport in memory.
        """
        self.clock = Clock()
        self.transport = StringTransport()
        self.slow: set[Outlet] = set()
        self.outlet = choose(self.transport, LIMITS, self.slow, self.clock)

    def test_producer(self) -> None:
        """
        The transport tells when it is full and when it is not.
        """
        verifyObject(IPushProducer, self.outlet)
        self.assertIs(self.transport.producer, self.outlet)
        self.assertTrue(self.transport.streaming)

    def test_send(self) -> None:
        """
        What is sent is written.
        """
        self.outlet.send(b"hello")
        self.assertEqual((self.transport.value(), self.outlet.waiting), (b"hello", 0))

    def test_too_much(self) -> None:
        """
        A client for which too much waits is cut.
        """
        self.outlet.pauseProducing()
        self.outlet.send(b"x" * 101)
        self.assertFalse(self.transport.disconnecting)
        self.outlet.send(b"y")
        self.assertNotIn(b"y", self.transport.value())
        self.assertTrue(self.transport.disconnected)

    def test_stalled(self) -> None:
        """
        A client that takes nothing for the time is cut.
        """
        self.outlet.pauseProducing()
        self.outlet.look(29.9)
        self.assertFalse(self.transport.disconnected)
        self.outlet.look(30)
        self.assertTrue(self.transport.disconnected)

    def test_taken(self) -> None:
        """
        A client that has taken everything is looked at no more.
        """
        self.outlet.pauseProducing()
        self.outlet.send(b"x" * 90)
        self.outlet.resumeProducing()
        self.assertEqual((self.slow, self.outlet.waiting), (set(), 0))

    def test_close(self) -> None:
        """
        The connection closes behind what was written, and nobody is told any more when there is room.
        """
        self.outlet.finish()
        self.outlet.pauseProducing()
        self.assertFalse(self.transport.disconnecting)
        self.outlet.close()
        self.assertTrue(self.transport.disconnecting)
        self.assertIsNone(self.transport.producer)

    def test_gone(self) -> None:
        """
        A transport that is gone waits for nobody.
        """
        self.outlet.pauseProducing()
        self.outlet.stopProducing()
        self.assertEqual(self.slow, set())

    def test_release(self) -> None:
        """
        A transport that another takes over tells only that one.
        """
        self.outlet.pauseProducing()
        self.outlet.release()
        self.assertEqual((self.slow, self.transport.producer), (set(), None))
        latter = choose(self.transport, LIMITS, self.slow, self.clock)
        self.assertIs(self.transport.producer, latter)
        self.assertFalse(self.transport.disconnecting)
