# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.doors`.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Bytes
from mcpd.web.http import Connection, Reply
from mcpd.web.spec import Limits
from mcpd.wire.fault import Kind
from tests.web.stage import Stage, post, read_answers


class DoorsTests(SynchronousTestCase):
    """
    All connections of a listener.
    """

    def test_protocol(self) -> None:
        """
        The client's address is known, if it has one.
        """
        doors = Stage().doors
        self.assertFalse(doors.noisy)
        for address, peer in ((IPv4Address("TCP", "192.0.2.1", 5), "192.0.2.1"), (UNIXAddress("/x"), "")):
            connection = doors.buildProtocol(address)
            self.assertIsInstance(connection, Connection)
            self.assertEqual(connection._peer, peer)

    def test_any_transport(self) -> None:
        """
        A transport that is no plain socket serves as well.
        """
        transport = StringTransport()
        connection = Stage().doors.buildProtocol(None)
        connection.makeConnection(transport)
        connection.dataReceived(post(b"1"))
        connection.dataReceived(post(b"2", b"Connection: close\r\n"))
        self.assertEqual([a.status for a in read_answers(transport.value())], [200, 200])
        self.assertTrue(transport.disconnecting)

    def test_full(self) -> None:
        """
        Connections beyond the bound are closed at once, and there is room again after others end.
        """
        stage = Stage(Limits(connections=2))
        first, _, third = stage.connect(), stage.connect(), stage.connect()
        self.assertEqual(third.socket.said, ["abort"])
        third.send(post())
        stage.turn()
        first.hang_up()
        fourth = stage.connect()
        fourth.send(post())
        self.assertEqual(fourth.answer.status, 200)
        self.assertEqual(bytes(third.socket.taken), b"")

    def test_limit(self) -> None:
        """
        Connections that stand keep their limits; new ones, and what all hold together, have others.
        """
        stage = Stage(Limits(requests=2))
        former = stage.connect()
        stage.doors.limit(Limits(connections=2, requests=1, buffered=Bytes(10)))
        latter, third = stage.connect(), stage.connect()
        self.assertEqual(third.socket.said, ["abort"])
        for client in (former, latter):
            client.send(post())
        fields = [client.answer.fields.get("Connection") for client in (former, latter)]
        self.assertEqual(fields, [None, "close"])
        former.send(post(b"x" * 1000)[:-100])
        self.assertEqual(former.answers[-1].status, Kind.OVERLOADED.status)

    def test_tick(self) -> None:
        """
        Nothing ticks while nobody is connected.
        """
        stage = Stage()
        stage.connect().hang_up()
        stage.connect().hang_up()
        self.assertEqual(len(stage.clock.getDelayedCalls()), 1)
        stage.pass_time(1)
        self.assertEqual(stage.clock.getDelayedCalls(), [])
        client = stage.connect()
        stage.pass_time(11)
        self.assertTrue(client.socket.gone)

    def test_retire(self) -> None:
        """
        A daemon that stops closes what is idle, answers what runs, and takes nobody in.
        """
        stage = Stage()
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        idle, running, sending = stage.connect(), stage.connect(), stage.connect()
        idle.send(post())
        replies.pop().answer((b"{}",))
        running.send(post())
        sending.send(post()[:10])
        stage.doors.retire()
        stage.turn()
        self.assertTrue(idle.socket.gone)
        sending.send(post()[10:])
        for reply in replies:
            reply.answer((b"{}",))
        for client in (running, sending):
            self.assertEqual(client.answer.fields["Connection"], "close")
        stage.turn()
        self.assertTrue(running.socket.gone)
        self.assertIn("abort", stage.connect().socket.said)

    def test_retire_fresh(self) -> None:
        """
        At a stop, who was let in and has not asked yet has a moment for it, and the answer is the last.
        """
        stage = Stage()
        asking, silent = stage.connect(), stage.connect()
        stage.doors.retire()
        stage.turn()
        self.assertTrue(stage.doors.porch.expecting)
        asking.send(post())
        stage.turn()
        self.assertEqual(asking.answer.fields["Connection"], "close")
        self.assertFalse(silent.socket.gone)
        stage.pass_time(2)
        self.assertTrue(silent.socket.gone)
        self.assertFalse(stage.doors.porch.expecting)

    def test_retire_streams(self) -> None:
        """
        A daemon that stops lets open streams go on until they are ended, and then closes the connection.
        """
        stage = Stage()
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        client = stage.connect()
        client.send(post())
        replies[0].open()
        stage.doors.retire()
        stage.pass_time(20)
        self.assertFalse(client.socket.gone)
        replies[0].answer((b"{}",))
        stage.turn()
        self.assertTrue(client.socket.gone)
        self.assertTrue(client.answer.body.endswith(b"data: {}\n\n"))

    def test_retire_pipelined(self) -> None:
        """
        What came behind a stream of a daemon that stops is answered, too, as the last.
        """
        stage = Stage()
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        client = stage.connect()
        client.send(post())
        replies[0].open()
        client.send(post())
        stage.doors.retire()
        replies[0].end()
        stage.turn()
        replies[1].answer((b"{}",))
        self.assertEqual([a.fields.get("Connection") for a in client.answers], [None, "close"])
