# -*- test-case-name: tests.wire.test_codec -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What messages mean to another reader, and messages and streams of every kind to try.

The other reader is the standard library: it knows nothing of raw pieces.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from msgspec import Raw

from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Batch, Message, Notice, Refusal, Request

modest = settings(
    deadline=None, max_examples=200, database=None, suppress_health_check=[HealthCheck.too_slow]
)
"""How much is tried: the whole floor in seconds, on a machine that is busy."""


@frozen
class Digits:
    """
    A number as it was written, so that thousands of digits and 1.0 can be compared.
    """

    text: str


def load(text: bytes) -> Any:
    """
    Read JSON with the standard library, numbers by their digits.
    """
    return json.loads(text, parse_int=Digits, parse_float=Digits)


def values(message: Message | Batch) -> Any:
    """
    Say what a message says, as values.
    """
    match message:
        case Request(id, method, params):
            return {"id": load(id), "method": method, "params": _load_each(params)}
        case Notice(method, params):
            return {"method": method, "params": _load_each(params)}
        case Answer(id, result):
            return {"id": load(id), "result": _load_each(result)}
        case Refusal(id, code, text, data):
            return {"id": load(id or b"null"), "error": (code, text, load(bytes(data or b"null")))}
        case Batch(items):
            return [None if isinstance(item, Fault) else values(item) for item in items]


def _load_each(members: dict[str, Raw]) -> dict[str, Any]:
    return {name: load(bytes(value)) for name, value in members.items()}


def meant(text: bytes) -> Any:
    """
    Say what a text that is one message or batch says, by the standard library alone.
    """
    return _meant(load(text))


def _meant(whole: Any) -> Any:
    if isinstance(whole, list):
        return [_meant(item) if isinstance(item, dict) else None for item in whole]
    if "method" in whole:
        rest = {"method": whole["method"], "params": whole.get("params") or {}}
        return {"id": whole["id"], **rest} if "id" in whole else rest
    if error := whole.get("error"):
        told = (int(error["code"].text), error.get("message", ""), error.get("data"))
        return {"id": whole.get("id"), "error": told}
    return {"id": whole["id"], "result": whole["result"]}


names = st.text(max_size=8)
plain_names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\'), max_size=8)
"""Names that JSON writes without an escape."""

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
ids = st.integers(-(10**100), 10**100) | st.text(max_size=12)


def objects(keys: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """
    JSON objects with these names for their direct members.
    """
    return st.dictionaries(keys, anything, max_size=5)


@st.composite
def messages(draw: st.DrawFn, keys: st.SearchStrategy[str], method: st.SearchStrategy[str]) -> dict[str, Any]:
    """
    Any message of JSON-RPC, its members in any order.
    """
    error = st.fixed_dictionaries({"code": st.integers(-(10**9), 10**9), "message": st.text(max_size=8)})
    params = {"params": objects(keys)}
    kind: st.SearchStrategy[dict[str, Any]] = st.one_of(
        st.fixed_dictionaries({"id": ids, "method": method}, optional=params),
        st.fixed_dictionaries({"method": method}, optional=params),
        st.fixed_dictionaries({"id": ids, "result": objects(keys)}),
        st.fixed_dictionaries({"id": ids, "error": error}),
    )
    members = list({"jsonrpc": "2.0", **draw(kind)}.items())
    return dict(draw(st.permutations(members)))


@st.composite
def splits(draw: st.DrawFn, stream: st.SearchStrategy[bytes]) -> list[bytes]:
    """
    A stream, as the reads in which it might come; some of them empty.
    """
    whole = draw(stream)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
