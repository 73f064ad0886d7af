# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.door`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.admin.door import CONNECTIONS, LINE, RUNNING, STALL, UNSENT, AdminDoor, Talk
from mcpd.admin.peer import Peer
from mcpd.events import AdminAsked, Incident, WorkerSaid
from mcpd.trouble import Reason, Trouble, Troubled
from tests.admin.stage import FakeDaemon

_OWN, _STRANGER = 500, 501


class Wire(StringTransport):
    """
    A connection's transport that tells when it is cut.

    Attributes:
        aborted: Whether it was.
    """

    aborted = False

    def abortConnection(self) -> None:
        """
        Remember it.
        """
        self.aborted = True


@define(eq=False)
class Visitor:
    """
    One who has connected.
    """

    talk: Talk
    wire: Wire

    def send(self, *lines: bytes) -> None:
        """
        Send lines.
        """
        self.talk.dataReceived(b"".join(line + b"\n" for line in lines))

    def ask(self, method: str, id: int = 1, **params: Any) -> None:
        """
        Send a request.
        """
        self.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode())

    def heard(self) -> list[Any]:
        """
        Tell what was answered since the last time.
        """
        lines = [json.loads(line) for line in self.wire.value().splitlines()]
        self.wire.clear()
        return lines

    def code(self) -> str:
        """
        Tell the code of the one error that came.
        """
        (answer,) = self.heard()
        return str(answer["error"]["data"]["code"])


@define(eq=False)
class House:
    """
    A door and its daemon.
    """

    uid: int = _OWN
    ours: frozenset[int] = frozenset()
    daemon: FakeDaemon = field(factory=FakeDaemon)
    door: AdminDoor = field(init=False)

    def __attrs_post_init__(self) -> None:
        daemon = self.daemon
        self.door = AdminDoor(
            daemon.verbs(),
            daemon.clock,
            daemon.publisher,
            _OWN,
            lambda _: Peer(9, self.uid),
            self.ours.__contains__,
            str,
        )

    def visit(self) -> Visitor:
        """
        Connect.
        """
        visitor = Visitor(self.door.buildProtocol(None), Wire())
        visitor.talk.makeConnection(visitor.wire)
        return visitor

    def say(self, text: str) -> None:
        """
        Have something told.
        """
        self.daemon.publisher.tell(WorkerSaid("files", 1, text))


class DoorTests(SynchronousTestCase):
    """
    Tests for who is let in, and what is answered.
    """

    def test_answer(self) -> None:
        """
        The daemon's own user and root are answered.
        """
        for uid in (_OWN, 0):
            visitor = House(uid).visit()
            visitor.ask("status", id=3)
            (answer,) = visitor.heard()
            self.assertEqual((answer["id"], answer["result"]["pid"]), (3, 77))

    def test_stranger(self) -> None:
        """
        Anybody else has one error and no more, whatever they send.
        """
        visitor = House(_STRANGER).visit()
        self.assertTrue(visitor.wire.disconnecting)
        (answer,) = visitor.heard()
        self.assertEqual(answer["error"]["data"]["code"], "MCPD-E-PEER")
        visitor.ask("status")
        self.assertEqual(visitor.heard(), [])

    def test_worker(self) -> None:
        """
        A worker has the daemon's user, and is no operator all the same.
        """
        self.assertEqual(House(ours=frozenset({9})).visit().code(), "MCPD-E-PEER")

    def test_crowded(self) -> None:
        """
        Only so many are let in at once; who leaves makes room.
        """
        house = House()
        visitors = [house.visit() for _ in range(CONNECTIONS)]
        self.assertEqual(house.visit().code(), "MCPD-E-CROWDED")
        visitors[0].talk.connectionLost()
        self.assertEqual(house.visit().heard(), [])

    def test_unreadable(self) -> None:
        """
        What is no request is answered with an error, and the next one as usual.
        """
        visitor = House().visit()
        for line, code in (
            (b"{", -32700),
            (b"\xff", -32700),
            (b'{"params":' + b"[" * 10000, -32700),
            (b"[]", -32600),
            (b'{"jsonrpc":"2.0","method":"status"}', -32600),
        ):
            visitor.send(line)
            (answer,) = visitor.heard()
            self.assertEqual(answer["error"]["code"], code)
        visitor.ask("status")
        self.assertIn("result", visitor.heard()[0])

    def test_unknown(self) -> None:
        """
        An unknown verb is refused with its code and what helps.
        """
        visitor = House().visit()
        visitor.ask("explode", id=4)
        (answer,) = visitor.heard()
        data = {"code": "MCPD-E-REQUEST", "hint": Trouble.REQUEST.hint}
        self.assertEqual((answer["id"], answer["error"]["data"]), (4, data))

    def test_too_long(self) -> None:
        """
        Who sends a line without an end is hung up on.
        """
        visitor = House().visit()
        visitor.talk.dataReceived(b"x" * (LINE + 2))
        self.assertEqual(visitor.code(), "MCPD-E-REQUEST")
        self.assertTrue(visitor.wire.disconnecting)

    def test_after_hanging_up(self) -> None:
        """
        Requests that come with what closes the connection are not served.
        """
        house = House()
        visitor = house.visit()
        visitor.wire.abortConnection = visitor.talk.close  # type: ignore[method-assign]
        visitor.talk.close()
        visitor.ask("restart", name="git")
        self.assertEqual(house.daemon.asked, [])

    def test_unexpected(self) -> None:
        """
        What nobody expected is told as an incident, and the visitor its number only.
        """
        house = House()
        house.daemon.answers = [b"no JSON"]
        house.daemon.outcome = Deferred()
        visitor = house.visit()
        visitor.ask("restart", name="git")
        house.daemon.outcome.errback(ZeroDivisionError("secret"))
        (answer,) = visitor.heard()
        self.assertEqual(answer["error"]["data"]["code"], "MCPD-E-INCIDENT")
        self.assertIn("admin-1", answer["error"]["message"])
        self.assertNotIn("secret", json.dumps(answer))
        (incident,) = [event for event in house.daemon.events if isinstance(event, Incident)]
        self.assertIn("secret", incident.trace)

    def test_running(self) -> None:
        """
        One visitor has only so many requests at once, and each its own answer.
        """
        house = House()
        house.daemon.answers.clear()
        visitor = house.visit()
        for number in range(RUNNING):
            visitor.ask("call", id=number, tool="files__read")
        self.assertEqual(visitor.heard(), [])
        visitor.ask("status")
        self.assertEqual(visitor.code(), "MCPD-E-REQUEST")

    def test_hang_up(self) -> None:
        """
        Who hangs up cancels their calls and hears no more lines, but changes go on.
        """
        house = House()
        house.daemon.answers.clear()
        outcome = house.daemon.outcome = Deferred()
        visitor = house.visit()
        visitor.ask("call", tool="files__read")
        visitor.ask("restart", name="git")
        visitor.ask("logs", count=0, follow=True)
        visitor.heard()
        visitor.talk.connectionLost()
        house.say("nobody hears it")
        self.assertEqual((house.daemon.cancelled, visitor.heard()), (1, []))
        outcome.errback(Troubled(Reason(Trouble.EXIT, "exit status 1")))
        event = house.daemon.events[-1]
        self.assertEqual(event, AdminAsked("uid:500", "plugin restart", "git", "MCPD-E-EXIT: exit status 1"))

    def test_follow(self) -> None:
        """
        Later lines come as notifications.
        """
        house = House()
        visitor = house.visit()
        visitor.ask("logs", count=0, follow=True)
        house.say("hello")
        answer, notice = visitor.heard()
        self.assertEqual(answer["result"], [])
        self.assertEqual((notice["method"], notice["params"]["text"]), ("line", "files: hello"))

    def test_slow(self) -> None:
        """
        Who takes nothing for too long is cut off.
        """
        house = House()
        visitor = house.visit()
        verifyObject(IPushProducer, visitor.talk)
        visitor.talk.pauseProducing()
        visitor.talk.pauseProducing()
        house.daemon.clock.advance(STALL - 1)
        visitor.talk.resumeProducing()
        visitor.talk.resumeProducing()
        house.daemon.clock.advance(STALL)
        self.assertFalse(visitor.wire.aborted)
        visitor.talk.pauseProducing()
        house.daemon.clock.advance(STALL)
        self.assertTrue(visitor.wire.aborted)
        visitor.talk.stopProducing()
        visitor.talk.connectionLost()
        self.assertEqual(house.daemon.clock.getDelayedCalls(), [])

    def test_flooded(self) -> None:
        """
        Who follows and does not read is cut off before the lines fill the memory.
        """
        house = House()
        visitor = house.visit()
        visitor.ask("logs", count=0, follow=True)
        visitor.talk.pauseProducing()
        for _ in range(UNSENT // 10_000 + 1):
            house.say("x" * 10_000)
        self.assertTrue(visitor.wire.aborted)

    def test_many(self) -> None:
        """
        Who sends many requests at once has each answered, a few of them in a turn.
        """
        house = House()
        visitor = house.visit()
        visitor.send(*[b'{"jsonrpc": "2.0", "id": 1, "method": "key list"}'] * (2 * RUNNING + 1))
        self.assertEqual((len(visitor.heard()), visitor.wire.producerState), (RUNNING, "paused"))
        visitor.send(b'{"jsonrpc": "2.0", "id": 2, "method": "key list"}')
        house.daemon.clock.advance(0)
        house.daemon.clock.advance(0)
        self.assertEqual(
            ([each["id"] for each in visitor.heard()][-1], visitor.wire.producerState), (2, "producing")
        )
        self.assertEqual(house.daemon.clock.getDelayedCalls(), [])

    def test_unread(self) -> None:
        """
        Who does not read its answers has nothing more done until it does.
        """
        visitor = House().visit()
        visitor.talk.pauseProducing()
        visitor.ask("status")
        self.assertEqual((visitor.heard(), visitor.wire.producerState), ([], "paused"))
        visitor.talk.resumeProducing()
        self.assertEqual((len(visitor.heard()), visitor.wire.producerState), (1, "producing"))

    def test_left_unread(self) -> None:
        """
        What was sent by one who has hung up is not done.
        """
        house = House()
        visitor = house.visit()
        visitor.send(*[b'{"jsonrpc": "2.0", "id": 1, "method": "key list"}'] * (RUNNING + 1))
        visitor.talk.connectionLost()
        visitor.heard()
        house.daemon.clock.advance(0)
        self.assertEqual(visitor.heard(), [])

    def test_no_letters(self) -> None:
        """
        A text with the name of a file that is no UTF-8 reaches who asks, and who follows.
        """
        house = House()
        visitor = house.visit()
        visitor.ask("logs", count=0, follow=True)
        house.say("\udcff.toml")
        self.assertIn("\udcff.toml", visitor.heard()[1]["params"]["text"])
        visitor.ask("logs", count=1)
        self.assertIn("\udcff.toml", visitor.heard()[0]["result"][0]["text"])

    def test_close(self) -> None:
        """
        A daemon that stops hangs up on everybody.
        """
        house = House()
        visitor = house.visit()
        house.door.close()
        self.assertTrue(visitor.wire.disconnecting)
        house.door.close()

    def test_open(self) -> None:
        """
        The socket is in the runtime folder, for its owner and group.
        """
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        reactor: Any = MemoryReactorClock()
        own = AdminDoor(FakeDaemon().verbs(), reactor, FakeDaemon().publisher, 0)
        own.open(reactor, folder)
        ((path, factory, _, mode, _),) = reactor.unixServers
        self.assertEqual((path, factory, mode), (f"{folder}/admin.sock", own, 0o660))
