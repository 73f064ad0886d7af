# -*- test-case-name: tests.relay.test_session -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One legacy client's session, and its life.

What belongs to no request is told on a stream that the client opens by GET,
and not before the client has said ``notifications/initialized`` (MCP
2025-11-25, "Lifecycle").  A client that never says it is served all the same:
its requests are no part of this life.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import define, field
from automat import TypeMachineBuilder

from mcpd.relay.eras import Legacy
from mcpd.relay.replay import Account
from mcpd.relay.spec import SessionLimits
from mcpd.relay.stream import Stream
from mcpd.relay.streams import Streams
from mcpd.relay.way import Way
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece


class Running(Protocol):
    """
    What runs in a session; :class:`mcpd.relay.exchange.Exchange` is the real one.
    """

    def abandon(self, fault: Fault) -> None:
        """
        Be cancelled, and tell the client why.
        """

    def cancel(self) -> None:
        """
        Be cancelled by the client, who wants no answer.
        """


class Life(Protocol):
    """
    The inputs of a session's life.
    """

    def initialized(self) -> None:
        """
        The client has said that it is ready.
        """

    def stand(self, way: Way, after: int | None) -> None:
        """
        The client listens, from an event on if it says one.
        """

    def left(self) -> None:
        """
        The client that listened went.
        """

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        There is something to tell.
        """

    def end(self) -> None:
        """
        The session is over.
        """


@define(eq=False)
class Core:
    """
    What all states of a life share.

    Attributes:
        streams: The session's streams.
        running: What runs in it, by the raw id of the request.
        way: The connection by which the client listens.
    """

    streams: Streams
    running: dict[bytes, Running]
    way: Way | None = None

    def dismiss(self) -> None:
        """
        End the connection that waits.
        """
        way, self.way = self.way, None
        if way is not None:
            way.hung_up = None
            way.end()

    def abandon(self) -> None:
        """
        Cancel what runs; who waits for an answer is told.
        """
        for exchange in list(self.running.values()):
            exchange.abandon(Fault(Kind.NOT_FOUND, "the session has ended"))


def _machine() -> Callable[[Core], Life]:
    builder = TypeMachineBuilder(Life, Core)
    greeting = builder.state("greeting")
    # A GET may overtake the client's "initialized".
    waiting = builder.state("waiting")
    open = builder.state("open")
    listening = builder.state("listening")
    ended = builder.state("ended")

    quiet: dict[Any, tuple[Any, ...]] = {
        Life.initialized: (open, listening, ended),
        Life.left: (greeting, open, ended),
        Life.tell: (ended,),
        Life.end: (ended,),
    }
    for news, states in quiet.items():
        for state in states:
            state.upon(news).loop().returns(None)
    greeting.upon(Life.initialized).to(open).returns(None)

    @waiting.upon(Life.initialized).to(listening)
    def initialized(life: Life, core: Core) -> None:
        assert core.way is not None  # noqa: S101  it waits
        core.streams.stand(core.way)

    @waiting.upon(Life.left).to(greeting)
    def left_early(life: Life, core: Core) -> None:
        core.way = None

    @listening.upon(Life.left).to(open)
    def left(life: Life, core: Core) -> None:
        core.way = None
        core.streams.leave()

    @ended.upon(Life.stand).loop()
    def refuse(life: Life, core: Core, way: Way, after: int | None) -> None:
        core.way = way
        core.dismiss()

    def wait(life: Life, core: Core, way: Way, after: int | None) -> None:
        # Nothing was sent yet that it could have an event of.
        core.dismiss()
        core.way = way

    def listen(life: Life, core: Core, way: Way, after: int | None) -> None:
        # A former connection ends: a client that comes again is not locked out.
        core.way = way
        core.streams.stand(way, after)

    def tell(life: Life, core: Core, parts: Sequence[Piece]) -> None:
        # Where nobody listens, it is kept.
        core.streams.tell(parts)

    def end(life: Life, core: Core) -> None:
        core.abandon()
        core.streams.end()
        core.dismiss()

    greeting.upon(Life.stand).to(waiting)(wait)
    waiting.upon(Life.stand).loop()(wait)
    open.upon(Life.stand).to(listening)(listen)
    listening.upon(Life.stand).loop()(listen)
    for state in (greeting, waiting, open, listening):
        state.upon(Life.tell).loop()(tell)
        state.upon(Life.end).to(ended)(end)

    return builder.build()


live = _machine()
"""Makes a life, whose client has not said ``initialized``, around a core."""


@define(eq=False)
class Session:
    """
    One legacy client's session; :class:`mcpd.relay.sessions.Sessions` makes and ends it.

    Attributes:
        id: Its id: 256 random bits in URL-safe base64.
        caller: The principal that it belongs to.
        path: The path that made it.
        tongue: How it is answered, by the revision that was agreed.
        born: When it was made, in the clock's seconds.
        used: When it was last used, likewise.
        level: The least level of log messages that the client wants; None if
            it has not said (``logging/setLevel``).
        running: What runs in it, by the raw id of the request.
    """

    id: bytes
    caller: str
    path: bytes
    tongue: Legacy
    born: float
    used: float
    _limits: SessionLimits
    _account: Account
    _touch: Callable[[Session], None]
    _resumes: bool = field(kw_only=True, default=True)
    level: str | None = field(init=False, default=None)
    running: dict[bytes, Running] = field(init=False, factory=dict)
    _core: Core = field(init=False)
    _life: Life = field(init=False)

    def __attrs_post_init__(self) -> None:
        streams = Streams(self.tongue.revision, self._limits, self._account, resumes=self._resumes)
        self._core = Core(streams, self.running)
        self._life = live(self._core)

    @property
    def is_listening(self) -> bool:
        """
        Whether a GET stands.
        """
        return self._core.way is not None

    @property
    def is_busy(self) -> bool:
        """
        Whether it is in use though its client asks nothing.
        """
        return bool(self.running) or self.is_listening

    def initialized(self) -> None:
        """
        Hear the client's ``notifications/initialized``: from now on it can be told things.
        """
        self._life.initialized()

    def stand(self, way: Way) -> None:
        """
        Carry what belongs to no request, and waits, by a GET; a former one ends.
        """
        self._listen(way, None)

    def resume(self, mark: bytes, way: Way) -> bool:
        """
        Resume the stream of an event by a GET; its former connection ends.

        Args:
            mark: The event's id (``Last-Event-ID``).
            way: The way back of the GET.

        Returns:
            Whether there is such a stream; if not, the way was not touched.
        """
        found = self._core.streams.find(mark)
        if found is None:
            return False
        stream, after = found
        if stream.number:
            way.open()
            stream.resume(way, after)
        else:
            self._listen(way, after)
        return True

    def open(self, way: Way, request: bytes) -> Stream:
        """
        Begin the stream of an exchange, which is its way back from now on.

        Args:
            way: The way back of its POST.
            request: The request's raw id; empty for a batch.
        """
        return self._core.streams.open(way, request)

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        Tell the client what belongs to no request: now, or when it listens.
        """
        self._life.tell(parts)

    def rest(self) -> None:
        """
        Note that it was in use until now, though its client asked nothing meanwhile.
        """
        self._touch(self)

    def end(self) -> None:
        """
        Cancel what runs, and end the streams; to be called by its owner only.
        """
        self._life.end()

    def _listen(self, way: Way, after: int | None) -> None:
        way.hung_up = self._left
        # The head goes out at once, although there may be nothing to be said for long.
        way.open()
        self._life.stand(way, after)

    def _left(self) -> None:
        self.rest()
        self._life.left()
