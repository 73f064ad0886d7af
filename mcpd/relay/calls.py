# -*- test-case-name: tests.relay.test_calls -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What plugins are asked: tools, prompts, resources and completions.

Here a client's request becomes a call by the plugin's own names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define
from msgspec import Raw
from twisted.internet.defer import Deferred, fail

from mcpd.relay import ladder
from mcpd.relay.content import composed
from mcpd.relay.errand import Errand, not_found
from mcpd.relay.exchange import Exchange
from mcpd.relay.links import Links
from mcpd.relay.resources import InTurn
from mcpd.relay.running import Running
from mcpd.relay.subject import Subject
from mcpd.wire import codec, mirror, write
from mcpd.wire.call import Answerer, Call
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Members, Refusal
from mcpd.wire.uri import flaw

_MISSING = Raw()
_BRACE = ord("{")
_NO_VALUES = write.encode({"values": []})
_COMPLETION = Subject("completion/complete")


class Bounds(Protocol):
    """
    What of the limits concerns messages.
    """

    @property
    def name(self) -> int: ...  # noqa: D102  mcpd.web.spec.Limits describes these

    @property
    def uri(self) -> int: ...  # noqa: D102


@define(eq=False)
class Calls:
    """
    Puts requests to plugins.

    Attributes:
        running: Where the exchanges stand.
        poll: Seconds after which a legacy client is sent away to come back for
            its answer; 0: never.
        private: Whether answers may be kept for one principal only.
    """

    running: Running
    _links: Links
    _bounds: Bounds
    poll: float
    private: bool

    def limit(self, bounds: Bounds, links: int, poll: float) -> None:
        """
        Judge by other bounds from now on.

        Args:
            bounds: What of the limits concerns messages.
            links: How many URIs are remembered that plugins have told.
            poll: As the attribute.
        """
        self._bounds, self.poll = bounds, poll
        self._links.limit(links)

    def methods(self) -> dict[str, Callable[[Errand], None]]:
        """
        Tell who serves which method.
        """
        return {
            "tools/call": self.call_tool,
            "prompts/get": self.get_prompt,
            "resources/read": self.read,
            "completion/complete": self.complete,
        }

    def call_tool(self, errand: Errand) -> None:
        """
        Call a tool.

        Raises:
            Fault: PARAMS, there is no such tool or its arguments are no
                object; HEADER_MISMATCH, header fields repeat other arguments;
                OVERLOADED.
        """
        params = errand.request.params
        name = params.get("name", _MISSING)
        if len(name) > self._bounds.name:
            raise self._too_long()
        route = errand.catalog.tool(name)
        arguments = params.get("arguments")
        if arguments is not None and memoryview(arguments)[0] != _BRACE:
            raise Fault(Kind.PARAMS, "arguments must be an object")
        claims = errand.post.claims
        mirrors = route.mirrors
        if mirrors and errand.session is None and claims is not None:
            mirror.check(mirrors, arguments, claims.fields, claims.repeated)
        self._begin(errand, (route.answerer,), {**params, "name": route.name}, route.subject)

    def get_prompt(self, errand: Errand) -> None:
        """
        Get a prompt.

        Raises:
            Fault: PARAMS, there is no such prompt; OVERLOADED.
        """
        params = errand.request.params
        name = params.get("name", _MISSING)
        if len(name) > self._bounds.name:
            raise self._too_long()
        route = errand.catalog.prompt(name)
        self._begin(errand, (route.answerer,), {**params, "name": route.name}, route.subject)

    def read(self, errand: Errand) -> None:
        """
        Read a resource, of whoever has it.

        Raises:
            Fault: PARAMS, ``uri`` is none; OVERLOADED.
        """
        uri = self.uri(errand)
        answerers = self.owners(errand, uri)
        subject = Subject("resources/read", uri=uri, private=self.private, links=True)
        if not answerers:
            errand.refuse(not_found(uri), subject)
            return
        self._begin(errand, answerers, {**errand.request.params}, subject)

    def owners(self, errand: Errand, uri: str) -> tuple[Answerer, ...]:
        """
        Tell who may have a resource: who lists it, whose template it is of, or who mentioned it.
        """
        found = () if flaw(uri) else errand.catalog.readers(uri)
        if found:
            return found
        mentioned = self._links.find(uri)
        return () if mentioned is None or not errand.catalog.has(mentioned) else (mentioned,)

    def uri(self, errand: Errand) -> str:
        """
        Read the URI that a request names.

        Raises:
            Fault: PARAMS, it is none.
        """
        piece = errand.request.params.get("uri", _MISSING)
        if len(piece) > self._bounds.uri:
            raise Fault(Kind.PARAMS, f"a uri has at most {self._bounds.uri} bytes")
        uri = codec.text(piece)
        if not uri:
            raise Fault(Kind.PARAMS, "uri must be a string that is not empty")
        if why := flaw(uri):
            raise Fault(Kind.PARAMS, f"this uri is not served: {why}")
        return uri

    def complete(self, errand: Errand) -> None:
        """
        Complete an argument of a prompt or a variable of a template.

        Raises:
            Fault: PARAMS, there is no such thing; OVERLOADED.
        """
        params = errand.request.params
        ref = codec.members(params.get("ref", _MISSING))
        if ref is None:
            raise Fault(Kind.PARAMS, "ref must be an object")
        found = errand.catalog.completer(ref)
        if found is None:
            # Its owner completes nothing, though others do.
            errand.answer({"completion": _NO_VALUES})
            return
        answerer, own = found
        self._begin(errand, (answerer,), {**params, "ref": Raw(composed(own))}, _COMPLETION)

    def _too_long(self) -> Fault:
        return Fault(Kind.PARAMS, f"a name has at most {self._bounds.name} bytes")

    def _begin(self, errand: Errand, answerers: tuple[Answerer, ...], own: Members, subject: Subject) -> None:
        request, meta, session, post = errand.request, errand.meta, errand.session, errand.post
        token = level = None
        if meta:
            token = ladder.read_token(meta)
            level = ladder.read_level(meta) if session is None else None
            meta = ladder.for_plugin(meta)
        if session is not None:
            level = session.level
        own.pop("_meta", None)
        call = Call(request.method, own, meta, token is not None, level)
        streams = None if post.batched or post.line is not None else session
        source = answerers[0] if len(answerers) == 1 else None
        exchange = Exchange(
            request.id,
            post.caller,
            session,
            streams,
            errand.tongue,
            post.way,
            subject,
            source,
            token,
            level,
            self.running,
        )
        self.running.enter(exchange)
        outcome: Deferred[Answer | Refusal]
        try:
            # Nearly always there is one.
            if source is not None:
                outcome = source.ask(call, exchange)
            else:
                outcome = InTurn.ask(self.running.clock, answerers, call, exchange)
        except Exception:
            # Whatever it is, the exchange must not stay in the books.
            outcome = fail()
        exchange.follow(outcome)
        if self.poll and streams is not None and streams.tongue.revision.primes:
            exchange.poll_after(self.poll)
