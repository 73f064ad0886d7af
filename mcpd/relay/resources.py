# -*- test-case-name: tests.relay.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which plugin has which resource.

URIs are served as the plugins write them, so that links to them hold; who has
one is known from the lists, or told by the templates, or has to be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mcpd.wire.call import Answerer, Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.template import UriTemplate

# Bounded: characters of a URI that is compared with templates.
_LONGEST = 2048
# What a plugin says of a resource that it does not have: in the legacy era, and
# in the modern one (MCP, "Resources", "Error Handling"); and what the official
# Python SDK said before 2.0 of whatever its server raised.
_NOT_FOUND = frozenset((-32002, Kind.PARAMS.code, 0))
_PASSED_OVER = frozenset((Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE, Kind.DEADLINE))
_EXPRESSION = re.compile(r"\{[^}]*\}")
_OVER = object()

IMPATIENCE = 1.0
"""Seconds after which the next plugin is asked, too."""


@frozen(eq=False)
class Resources:
    """
    Who has which resource.

    Attributes:
        listed: Who has a URI, or a template by its text, of those that are
            listed.
        templates: All templates and whose they are, in the order in which they
            are asked; several may have the same text.
        others: Who is asked for everything else.
    """

    listed: Mapping[str, Answerer] = field(factory=dict)
    templates: Sequence[tuple[UriTemplate, Answerer]] = ()
    others: tuple[Answerer, ...] = ()

    def readers(self, uri: str) -> tuple[Answerer, ...]:
        """
        Tell who may have a resource, the likeliest first; each one once.
        """
        owner = self.listed.get(uri)
        if owner is not None:
            return (owner,)
        matching: dict[Answerer, None] = {}
        if len(uri) <= _LONGEST:
            for template, answerer in self.templates:
                # Not again: looking costs less than comparing.
                if answerer not in matching and template.matches(uri):
                    matching[answerer] = None
        return tuple(matching) or self.others


def ranked(templates: Iterable[tuple[UriTemplate, Answerer]]) -> list[tuple[UriTemplate, Answerer]]:
    """
    Put the templates first that say the most of a URI by themselves, else as they came.

    A plugin whose template fits everything is asked after those that mean
    just this.
    """
    return sorted(templates, key=lambda pair: -len(_EXPRESSION.sub("", pair[0].text)))


@define(eq=False)
class InTurn:
    """
    One read that any of several plugins may answer.

    One is asked after the other until one has the resource.  Who takes long is
    not waited for: the next is asked, too, for one slow plugin must not fail
    what another one has.
    """

    _clock: IReactorTime
    _left: Iterator[Answerer]
    _call: Call
    _listener: Listener
    _asked: dict[Deferred[Answer | Refusal], None] = field(init=False, factory=dict)
    _outcome: Deferred[Answer | Refusal] = field(init=False)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _refusal: Refusal | None = field(init=False, default=None)
    _fault: Failure | None = field(init=False, default=None)

    @classmethod
    def ask(
        cls, clock: IReactorTime, answerers: Sequence[Answerer], call: Call, listener: Listener
    ) -> Deferred[Answer | Refusal]:
        """
        Ask.

        Args:
            clock: Tells the time.
            answerers: At least one, the likeliest first.
            call: The call, the same for each.
            listener: Hears what each of them says.

        Returns:
            Fires with the first outcome that does not say "not found", else
            with the last one that does.  Who is down or late is passed over;
            if all are, it fails with the last one's Fault.  Any other failure
            is the outcome.  Cancelling it cancels what runs, and nobody else
            is asked.
        """
        turn = cls(clock, iter(answerers), call, listener)
        turn._outcome = Deferred(lambda _: turn._end())
        turn._next()
        return turn._outcome

    def _next(self) -> None:
        self._rest()
        answerer = next(self._left, None)
        if answerer is None:
            if not self._asked:
                self._give_up()
            return
        self._timer = self._clock.callLater(IMPATIENCE, self._next)
        try:
            asked = answerer.ask(self._call, self._listener)
        except Exception:
            # Whatever it is, it is the outcome, and nothing stays behind.
            asked = fail()
        self._asked[asked] = None
        asked.addBoth(self._came, asked)

    def _came(self, outcome: Answer | Refusal | Failure, asked: Deferred[Answer | Refusal]) -> None:
        if self._asked.pop(asked, _OVER) is _OVER:
            return
        if isinstance(outcome, Refusal) and outcome.code in _NOT_FOUND:
            self._refusal = outcome
        elif isinstance(outcome, Failure) and _is_passed_over(outcome):
            self._fault = outcome
        else:
            self._end()
            self._outcome.callback(outcome)
            return
        self._next()

    def _give_up(self) -> None:
        outcome = self._refusal or self._fault
        assert outcome is not None  # noqa: S101  somebody was asked, and passed over
        self._outcome.callback(outcome)

    def _end(self) -> None:
        self._rest()
        self._left = iter(())
        asked, self._asked = self._asked, {}
        for each in asked:
            each.cancel()

    def _rest(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


def _is_passed_over(failure: Failure) -> bool:
    return isinstance(failure.value, Fault) and failure.value.kind in _PASSED_OVER
