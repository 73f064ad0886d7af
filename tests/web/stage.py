# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A listener in memory: a socket, a client behind it, and a resource that echoes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define, field, frozen
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from mcpd.events import Event
from mcpd.web.doors import Doors
from mcpd.web.health import Health
from mcpd.web.http import Connection, Head, Reply, Request, Resource
from mcpd.web.ledger import Ledger
from mcpd.web.shield import Shield
from mcpd.web.site import Site
from mcpd.web.spec import Limits
from mcpd.web.visitor import Visitors
from mcpd.wire.fault import Fault, Kind

HOST = b"127.0.0.1:8420"


@define(eq=False, slots=False)
class Socket:
    """
    A plain socket's transport, with the names of Twisted's own.

    Attributes:
        taken: What the client has received.
        room: Bytes that the kernel still takes; None: all.
        broken: Whether sending fails.
        said: What was asked of it, besides writing.
        gone: Whether the connection is over.
    """

    clock: Clock
    protocol: Connection | None = None
    taken: bytearray = field(factory=bytearray)
    room: int | None = None
    broken: bool = False
    said: list[str] = field(factory=list)
    gone: bool = False
    dataBuffer: bytes = b""
    offset: int = 0
    _tempDataBuffer: list[bytes] = field(factory=list)
    _tempDataLen: int = 0
    _closing: bool = False

    def __attrs_post_init__(self) -> None:
        alsoProvides(self, ITCPTransport)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Send small pieces at once.
        """
        self.said.append("no delay")

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Probe a silent client.
        """
        self.said.append("keep alive")

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        """
        Send as much as there is room for.
        """
        if self.broken:
            return ConnectionLost()
        size = len(data) if self.room is None else min(self.room, len(data))
        if self.room is not None:
            self.room -= size
        self.taken += bytes(data[:size])
        return size

    def write(self, data: bytes) -> None:
        """
        Keep bytes until the client takes them.
        """
        self._tempDataBuffer.append(data)
        self._tempDataLen += len(data)

    def take(self, size: int) -> None:
        """
        Let the client take bytes that wait.
        """
        waiting = b"".join(self._tempDataBuffer)
        self.taken += waiting[:size]
        self._tempDataBuffer = [waiting[size:]] if waiting[size:] else []
        self._tempDataLen = len(waiting[size:])
        if self._closing and not self._tempDataLen:
            self.lose(ConnectionDone())

    def pauseProducing(self) -> None:
        """
        Read no more.
        """
        self.said.append("pause")

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        self.said.append("resume")

    def loseWriteConnection(self) -> None:
        """
        Close the sending side.
        """
        self.said.append("finish")

    def loseConnection(self) -> None:
        """
        Close once everything is sent.
        """
        self.said.append("close")
        self._closing = True
        if not self._tempDataLen:
            self.clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        """
        Close now.
        """
        self.said.append("abort")
        self.clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        """
        Be gone.
        """
        if not self.gone:
            self.gone = True
            assert self.protocol is not None
            self.protocol.connectionLost(Failure(reason))


@define(eq=False)
class Echo:
    """
    Answers with the body of the request, unless told otherwise.

    Attributes:
        refusal: What :meth:`admit` raises.
        plan: What :meth:`serve` does instead.
        heard: The requests.
    """

    methods: tuple[bytes, ...] = (b"POST",)
    refusal: Exception | None = None
    plan: Callable[[Request, Reply], None] | None = None
    heard: list[Request] = field(factory=list)
    admitted: list[Head] = field(factory=list)

    def admit(self, head: Head) -> str:
        """
        Let everybody in who does not ask to be refused.
        """
        self.admitted.append(head)
        if self.refusal is not None:
            raise self.refusal
        if b"x-refuse" in head.fields:
            raise Fault(Kind.UNAUTHORIZED, "who are you?", headers=((b"WWW-Authenticate", b"Bearer"),))
        return "key:test"

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Answer, or do as planned.
        """
        self.heard.append(request)
        if self.plan is not None:
            self.plan(request, reply)
        else:
            reply.answer((b'{"echo":%d,' % len(request.body), b'"end":true}'))


@frozen(eq=False)
class Answer:
    """
    One answer as a client reads it.
    """

    status: int
    fields: Mapping[str, str]
    body: bytes


def read_answers(data: bytes, bodyless: bool = False) -> list[Answer]:
    """
    Read all answers that a connection brought; interim ones are left out.
    """
    answers = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, head
        line, *lines = head.decode("ascii").split("\r\n")
        pairs = [row.split(": ", 1) for row in lines]
        fields = {name: value for name, value in pairs}
        assert len(fields) == len(pairs), "a field came twice"
        status = int(line.split(" ")[1])
        if status == 100:
            assert not fields
            continue
        body = b""
        if not bodyless and "Content-Length" in fields:
            size = int(fields["Content-Length"])
            body, data = data[:size], data[size:]
            assert len(body) == size
        elif not bodyless and fields.get("Transfer-Encoding") == "chunked":
            body, data = read_chunks(data)
        elif not bodyless and fields.get("Content-Type") == "text/event-stream":
            body, data = data, b""
        answers.append(Answer(status, fields, body))
    return answers


def read_chunks(data: bytes) -> tuple[bytes, bytes]:
    """
    Read a body in chunks as far as it came.
    """
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) :].removeprefix(b"\r\n")
        if int(size, 16) == 0:
            break
    return body, data


@define(eq=False)
class Client:
    """
    A client behind a :class:`Socket`.
    """

    socket: Socket
    connection: Connection

    def send(self, data: bytes) -> None:
        """
        Send bytes in one piece, as long as the daemon would still read them.
        """
        if not self.socket.gone and "close" not in self.socket.said and "abort" not in self.socket.said:
            self.connection.dataReceived(data)

    def hang_up(self) -> None:
        """
        Close the connection from the client's side.
        """
        self.socket.lose(ConnectionDone())

    @property
    def answers(self) -> list[Answer]:
        """
        All answers so far.
        """
        return read_answers(bytes(self.socket.taken))

    @property
    def answer(self) -> Answer:
        """
        The only answer so far.
        """
        (answer,) = self.answers
        return answer


@define(eq=False)
class Stage:
    """
    A listener at 127.0.0.1:8420 with an echo at ``/mcp``.

    Attributes:
        shield: Judges Host and Origin.
        visitors: Tells who the clients are.
        told: The events.
    """

    limits: Limits = Limits()
    shield: Shield = field(factory=lambda: Shield.new(["tools.example.org"], ["https://app.example.org"]))
    visitors: Visitors = field(factory=Visitors)
    told: list[Event] = field(factory=list)
    echo: Echo = field(factory=Echo)
    clock: Clock = field(factory=Clock)
    ledger: Ledger = field(init=False)
    doors: Doors = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.rightNow = 1_800_000_000.0
        self.shield.stand("127.0.0.1")
        resources: dict[bytes, Resource] = {
            b"/mcp": self.echo,
            b"/mcp/": self.echo,
            b"/healthz": Health("alive", lambda: True),
        }
        self.ledger = Ledger(self.limits)
        site = Site(self.shield, resources)
        self.doors = Doors(
            self.clock, site, self.limits, self.ledger, bytes, visitors=self.visitors, tell=self.told.append
        )

    def connect(self, peer: str = "127.0.0.1") -> Client:
        """
        Open a connection.
        """
        socket = Socket(self.clock)
        connection = Connection(self.doors.porch, peer)
        socket.protocol = connection
        connection.makeConnection(socket)
        return Client(socket, connection)

    def pass_time(self, seconds: float) -> None:
        """
        Let time pass, an eighth of a second at a time: sums of those are exact.
        """
        for _ in range(round(seconds * 8)):
            self.clock.advance(0.125)

    def turn(self) -> None:
        """
        Let the reactor turn once.

        A clock would also call what is added during the turn; a reactor does not.
        """
        due = [call for call in self.clock.calls if call.getTime() <= self.clock.seconds()]
        for call in due:
            func, args, kw = call.func, call.args, call.kw
            call.cancel()
            func(*args, **kw)


def post(body: bytes = b"{}", fields: bytes = b"", path: bytes = b"/mcp", version: bytes = b"1.1") -> bytes:
    """
    Make a request.
    """
    start = b"POST %b HTTP/%b\r\nHost: %b\r\n" % (path, version, HOST)
    return start + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body
