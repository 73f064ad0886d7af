# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Random plugins, clients and orders of events, for :mod:`tests.test_transparency`.

Everything is a frozen value without a life, so that a failure shows all that
led to it, and can be made smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

Json = dict[str, Any]

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
KEYS = {"tools": "name", "prompts": "name", "resources": "uri", "templates": "uriTemplate"}
"""The lists, and which member of an item names it."""


@frozen
class Fake:
    """
    A plugin.
    """

    modern: bool
    prefix: str | None
    include: str
    exclude: str
    completes: bool
    lists: Mapping[str, tuple[Json, ...] | None]


@frozen
class Visitor:
    """
    A client: its revision, at which plugin's own path (none: everybody's), and what it wants to read of logs.
    """

    revision: str
    alone: int | None
    level: str | None


@frozen
class Said:
    """
    What a call is answered with: an error, or as much of the rest as its method has.
    """

    content: tuple[Json, ...] | None
    structured: Any
    is_structured: bool
    meta: Json
    life: Any
    scope: str
    failed: bool
    error: Json | None


@frozen
class Ask:
    """
    A client asks for one of the things that it can list, or for one that nobody has.

    What it is answered with is drawn with it; when, is another step.
    """

    client: int
    method: str
    which: int
    token: str | int | None
    meta: Json
    arguments: Json
    said: Said


@frozen
class Answer:
    """
    A plugin answers one of the calls that run; those that are never chosen are answered at the end.
    """

    which: int


@frozen
class Tell:
    """
    A plugin tells the progress of one of its calls, a few times, and a log message.
    """

    which: int
    times: int
    level: str
    data: Any


@frozen
class Change:
    """
    A plugin has another list, and says so.
    """

    plugin: int
    sort: str
    items: tuple[Json, ...]


Step = Ask | Answer | Tell | Change

WORDS = st.sampled_from(("a", "b", "say", "x y", "é", "__", "a__b", 'q"\\', "中", "-", "."))
NAMES = st.one_of(
    st.sampled_from(("a", "b", "say", "say_it")),
    st.lists(WORDS, min_size=1, max_size=4).map("".join),
    st.integers(50, 128).map(lambda size: "n" * size),
)
SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from((1.5, "", "t", "é\u2028")))
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("kl"), inner, max_size=2),
    max_leaves=4,
)
METAS = st.dictionaries(st.sampled_from(("a/b", "traceparent", "x.y/z")), VALUES, max_size=2)
OPTIONAL = {
    "title": st.text("Té ", max_size=3),
    "description": st.sampled_from(("", "About it", None)),
    "icons": st.just([{"src": "data:,"}]),
    "annotations": st.sampled_from(({"readOnlyHint": True}, {"audience": ["user"]})),
    "_meta": METAS,
    "vendor": VALUES,
}
OUTPUTS = st.sampled_from(({"type": "object"}, {"type": "array", "items": {}}, {"anyOf": []}, {}, True))
INPUTS = st.sampled_from(({"type": "object"}, {"type": "object", "properties": {"a": {"type": "number"}}}))


def items(sort: str, least: int = 0) -> st.SearchStrategy[tuple[Json, ...]]:
    """
    Draw what a plugin lists of a sort: so many things, or more.
    """
    keys = {
        "resources": st.sampled_from(("x:a", "x:b", "file:///é", "y:q?a=b#c")),
        "templates": st.sampled_from(("t:{id}", "u:{id}", "v:/{id}/z")),
    }
    required: dict[str, st.SearchStrategy[Any]] = {KEYS[sort]: keys.get(sort, NAMES)}
    optional = dict(OPTIONAL)
    if sort == "tools":
        required["inputSchema"] = INPUTS
        optional |= {"outputSchema": OUTPUTS, "execution": st.just({"taskSupport": "optional"})}
    elif sort != "prompts":
        required["name"] = st.sampled_from("rs")
    each = st.fixed_dictionaries(required, optional=optional)
    # The order of members is no difference, and the daemon need not see one in it.
    each = each.map(lambda item: dict(sorted(item.items())))
    # Nothing is said of a name that a plugin has twice.
    return st.lists(each, min_size=least, max_size=4, unique_by=lambda item: item[KEYS[sort]]).map(tuple)


CONTENT = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": st.text("aé\n", max_size=3)}, optional={"_meta": METAS}
    ),
    st.fixed_dictionaries(
        {"type": st.just("audio"), "data": st.sampled_from(("", "AAAA", "AA==")), "mimeType": st.just("a/b")},
        optional={"annotations": st.just({"priority": 1})},
    ),
    st.fixed_dictionaries(
        {"type": st.just("resource_link"), "uri": st.just("link:1"), "name": st.sampled_from("lm")}
    ),
    st.just({"type": "resource", "resource": {"uri": "link:2", "text": "t"}}),
    st.just({"type": "image", "data": "AAAA", "mimeType": "image/png"}),
)
# What most often matters stands twice.
CODES = (-32602, -32602, -32002, -32002, -32042, -32021, -32020, -32022, -32603, -32601, -1, 0, 42, 2**40)
ERRORS = st.fixed_dictionaries(
    {"code": st.sampled_from(CODES), "message": st.sampled_from(("", "No", "é"))},
    optional={"data": st.sampled_from(({}, {"uri": "else"}, {"a": 1}, [1], None))},
)
SAID = st.builds(
    Said,
    content=st.lists(CONTENT, min_size=1, max_size=2).map(tuple) | st.sampled_from((None, ())),
    structured=VALUES.filter(lambda value: value is not None),
    is_structured=st.booleans(),
    meta=METAS | st.just({"io.modelcontextprotocol/serverInfo": {"name": "p", "version": "1"}, "k": 1}),
    life=st.sampled_from((None, 0, 5000, 10**12, -1)),
    scope=st.sampled_from(("public", "private")),
    failed=st.booleans(),
    error=st.none() | st.none() | ERRORS,
)
FAKES = st.builds(
    Fake,
    modern=st.booleans(),
    prefix=st.sampled_from((None, "", "a", "long" * 10)),
    include=st.sampled_from(("*", "*", "s*", "[!é]*")),
    exclude=st.sampled_from(("", "", "*_it", "?")),
    completes=st.booleans(),
    lists=st.fixed_dictionaries({sort: items(sort, 1) | items(sort, 1) | st.none() for sort in KEYS}),
)
VISITORS = st.builds(
    Visitor,
    revision=st.sampled_from((*REVISIONS[-2:], *REVISIONS)),
    alone=st.none() | st.integers(0, 2),
    level=st.none() | st.sampled_from(LEVELS),
)
SMALL = st.integers(0, 5)
ASKS = st.builds(
    Ask,
    client=SMALL,
    method=st.sampled_from(
        ("tools/call", "resources/read", "prompts/get", "completion/complete", "tools/call", "resources/read")
    ),
    which=SMALL,
    token=st.none() | st.sampled_from(("t", 7, 0, "")),
    meta=METAS,
    arguments=st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
    said=SAID,
)
STEP = st.one_of(
    ASKS,
    ASKS,
    st.builds(Answer, which=SMALL),
    st.builds(
        Tell, which=SMALL, times=st.sampled_from((0, 1, 2, 14)), level=st.sampled_from(LEVELS), data=VALUES
    ),
    st.sampled_from(tuple(KEYS)).flatmap(
        lambda sort: st.builds(Change, plugin=SMALL, sort=st.just(sort), items=items(sort))
    ),
)


@frozen
class Story:
    """
    What happens.

    Attributes:
        fakes: The plugins, in the order of the configuration.
        visitors: The clients.
        steps: What they do, one after the other.
    """

    fakes: tuple[Fake, ...]
    visitors: tuple[Visitor, ...]
    steps: tuple[Step, ...]


STORIES = st.builds(
    Story,
    fakes=st.lists(FAKES, min_size=2, max_size=3).map(tuple),
    visitors=st.lists(VISITORS, min_size=1, max_size=3).map(tuple),
    # As many list changes as a plugin may tell at once.
    steps=st.lists(STEP, min_size=6, max_size=10).map(tuple),
)
