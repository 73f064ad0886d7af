# -*- test-case-name: tests.relay.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which plugin has which resource.

URIs are served as the plugins write them, so that links to them hold; who has
one is known from the lists, or told by the templates, or has to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen
from twisted.internet.defer import Deferred

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
_DOWN = frozenset((Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE))


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


def ask_in_turn(answerers: Sequence[Answerer], call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
    """
    Ask one after the other until one has the resource.

    Args:
        answerers: At least one, the likeliest first.
        call: The call, the same for each.
        listener: Hears what each of them says.

    Returns:
        Fires with the first outcome that does not say "not found", else with
        the last one that does.  Who is down is passed over; if all are, it
        fails with the last one's Fault.  Any other failure is the outcome.
        Cancelling it cancels the call that runs, and nobody else is asked.
    """
    return Deferred.fromCoroutine(_ask_in_turn(answerers, call, listener))


async def _ask_in_turn(answerers: Sequence[Answerer], call: Call, listener: Listener) -> Answer | Refusal:
    refusal: Refusal | None = None
    for answerer in answerers:
        try:
            outcome = await answerer.ask(call, listener)
        except Fault as fault:
            if fault.kind not in _DOWN:
                raise
            down = fault
            continue
        if isinstance(outcome, Answer) or outcome.code not in _NOT_FOUND:
            return outcome
        refusal = outcome
    if refusal is None:
        raise down
    return refusal
