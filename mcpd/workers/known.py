# -*- test-case-name: tests.workers.test_known -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker says of itself when it is met.
"""

from __future__ import annotations

from attrs import frozen
from msgspec import Raw

from mcpd.wire import codec
from mcpd.wire.message import Answer, Members
from mcpd.wire.offer import Feature
from mcpd.wire.revision import Revision

_NESTED = {Feature.SUBSCRIBE: (Feature.RESOURCES, "subscribe")}


@frozen(eq=False)
class Known:
    """
    It.

    Attributes:
        revision: What was agreed with it.
        features: What it declares that it does.
        telling: Of which lists it declares that it tells their changes.
        instructions: What it tells models about itself; empty if nothing.
    """

    revision: Revision
    features: frozenset[Feature]
    telling: frozenset[Feature]
    instructions: str

    @classmethod
    def of(cls, revision: Revision, answer: Answer) -> Known:
        """
        Read it in the answer to ``initialize`` or ``server/discover``; nonsense says nothing.
        """
        declared = codec.members(answer.result.get("capabilities", Raw())) or {}
        features = {feature for feature in Feature if _says(declared, feature)}
        telling = {feature for feature in features if _member(declared, feature, "listChanged") == b"true"}
        instructions = codec.text(answer.result.get("instructions", Raw())) or ""
        return cls(revision, frozenset(features), frozenset(telling), instructions)


def _says(declared: Members, feature: Feature) -> bool:
    if feature in _NESTED:
        outer, name = _NESTED[feature]
        return _member(declared, outer, name) == b"true"
    # Some libraries write what is not there as null.
    return bytes(declared.get(feature.value, b"null")) != b"null"


def _member(declared: Members, feature: Feature, name: str) -> bytes:
    inner = codec.members(declared.get(feature.value, Raw())) or {}
    return bytes(inner.get(name, b""))
