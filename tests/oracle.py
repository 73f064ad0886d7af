# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What clients should see, told from what the plugins have and say; for :mod:`tests.test_transparency`.

It knows nothing of how the daemon works.  A client of any era sees what the
plugin has, put as its own era puts it; what differs on purpose is in the
functions whose names begin with ``differ``, one for each documented
difference, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from attrs import define, field, frozen

from tests.drawn import KEYS, REVISIONS, Fake, Json, Said, Visitor

NAME_LIMIT = 64
PASSED = 10
"""Progress notices of a call that are passed however fast they come."""
SERVER = "io.modelcontextprotocol/serverInfo"
MODERN = REVISIONS[-1]
TOLD = {"tools": "tools", "prompts": "prompts", "resources": "resources", "templates": "resources"}
"""Which ``list_changed`` tells of which list."""

_UNKNOWN, _PARAMS, _INTERNAL, _LEGACY_MISSING, _LEGACY_URL = -32601, -32602, -32603, -32002, -32042
_CAPABILITY, _ONLY_MODERN = -32021, (-32020, -32022)
_DAY = 24 * 60 * 60 * 1000


@frozen
class Thing:
    """
    Something that a client lists.

    Attributes:
        plugin: Whose it is, by number.
        sort: Of which list.
        own: The plugin's own name for it.
        item: Its definition.
        prefix: Its plugin's.
        public: What clients call it; None if its name had to be fitted.
    """

    plugin: int
    sort: str
    own: str
    item: Json
    prefix: str
    public: str | None

    @property
    def key(self) -> object:
        """
        What tells it from others in its list.
        """
        return (self.prefix, self.own) if self.public is None else self.public


@define(eq=False)
class World:
    """
    The plugins, as they are now.

    Attributes:
        fakes: As they were drawn.
        lists: What each of them lists now.
        mentioned: Whose resources are that were named in results.
    """

    fakes: Sequence[Fake]
    lists: list[dict[str, tuple[Json, ...] | None]] = field(init=False)
    mentioned: dict[str, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.lists = [dict(fake.lists) for fake in self.fakes]

    def served(self, alone: int | None) -> Sequence[int]:
        """
        Tell which plugins are at a path.
        """
        return range(len(self.fakes)) if alone is None else (alone,)

    def has(self, alone: int | None, sort: str) -> bool:
        """
        Say whether any plugin at a path declares what is listed there.
        """
        declared = TOLD[sort]
        return differ_always(alone, sort) or any(
            self.lists[number][declared] is not None for number in self.served(alone)
        )

    def completes(self, alone: int | None) -> bool:
        """
        Say whether any plugin at a path completes.
        """
        return any(self.fakes[number].completes for number in self.served(alone))

    def view(self, alone: int | None, sort: str) -> list[Thing]:
        """
        Tell what is listed at a path: where two plugins have a name, the first has it.
        """
        things: dict[object, Thing] = {}
        for thing in self._things(alone, sort):
            things.setdefault(thing.key, thing)
        return list(things.values())

    def _things(self, alone: int | None, sort: str) -> Iterator[Thing]:
        for number in self.served(alone):
            fake, lists = self.fakes[number], self.lists[number]
            for item in (lists[sort] or ()) if lists[TOLD[sort]] is not None else ():
                own = item[KEYS[sort]]
                prefix = plugin_name(number) if fake.prefix is None else fake.prefix
                public = own if alone is not None else differ_prefix(sort, prefix, own)
                if sort != "tools" or _chosen(fake, own):
                    yield Thing(number, sort, own, differ_null(item), prefix, public)

    def seen(self, alone: int | None) -> dict[str, str]:
        """
        Write down all that is listed at a path, by the notice that tells that it changed.
        """
        written = dict.fromkeys(TOLD.values(), "")
        for sort, told in TOLD.items():
            written[told] += json.dumps([(thing.key, thing.item) for thing in self.view(alone, sort)])
        return written

    def readers(self, alone: int | None, uri: str) -> list[int]:
        """
        Tell who is asked for a resource, one after the other.
        """
        if alone is not None:
            return [alone]
        for sort in ("resources", "templates"):
            for thing in self.view(None, sort):
                if thing.own == uri:
                    return [thing.plugin]
        matching = [thing.plugin for thing in self._things(None, "templates") if expand(thing.own) == uri]
        if matching:
            return list(dict.fromkeys(matching))
        return [self.mentioned[uri]] if uri in self.mentioned else []

    def learn(self, plugin: int, result: Json) -> None:
        """
        Remember whose resources are that a result names.
        """
        for uri in _uris([result.get(name) for name in ("content", "messages", "contents")]):
            self.mentioned.setdefault(uri, plugin)


def expand(template: str) -> str:
    """
    Make a URI of a template.
    """
    return template.replace("{id}", "7")


def differ_always(alone: int | None, sort: str) -> bool:
    """
    Where all plugins are served there are always tools, if only none yet.
    """
    return alone is None and sort == "tools"


def _chosen(fake: Fake, name: str) -> bool:
    return fnmatchcase(name, fake.include) and not fnmatchcase(name, fake.exclude)


def _uris(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "uri" in value:
            yield value["uri"]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _uris(inner)


# Lists.


def listed(thing: Thing, visitor: Visitor, name: str) -> Json:
    """
    Tell how a client sees a thing in its list.

    Args:
        thing: The thing.
        visitor: The client.
        name: What the thing is called there.
    """
    item = differ_wrapped_schema(thing, visitor, differ_revision(thing, visitor, thing.item))
    return {**item, KEYS[thing.sort]: name}


def differ_prefix(sort: str, prefix: str, own: str) -> str | None:
    """
    Tools and prompts have their plugin's prefix; a name that not every host takes is fitted: None.
    """
    if sort not in ("tools", "prompts"):
        return own
    name = f"{prefix}__{own}" if prefix else own
    return name if re.fullmatch(rf"[A-Za-z0-9_.-]{{1,{NAME_LIMIT}}}", name) else None


def plugin_name(number: int) -> str:
    """
    Name a plugin.
    """
    return f"p{number}"


def differ_null(item: Json) -> Json:
    """
    What a plugin lists as null is not there.
    """
    return {name: value for name, value in item.items() if value is not None}


def differ_revision(thing: Thing, visitor: Visitor, item: Json) -> Json:
    """
    What a client's revision does not know is not listed to it.
    """
    unknown = {"icons"} if visitor.revision < "2025-11-25" else set()
    if thing.sort == "tools":
        unknown |= {"annotations"} if visitor.revision < "2025-03-26" else set()
        unknown |= {"execution"} if visitor.revision != "2025-11-25" else set()
    return {name: value for name, value in item.items() if name not in unknown}


def is_wrapped(thing: Thing, visitor: Visitor) -> bool:
    """
    Say whether a tool's structured results are no objects, of which a legacy client knows nothing.
    """
    output = thing.item.get("outputSchema", {"type": "object"})
    is_object = isinstance(output, dict) and output.get("type") == "object"
    return visitor.revision != MODERN and thing.sort == "tools" and not is_object


def differ_wrapped_schema(thing: Thing, visitor: Visitor, item: Json) -> Json:
    """
    A schema that is not of an object is wrapped in one, for legacy clients.
    """
    if not is_wrapped(thing, visitor):
        return item
    output = item["outputSchema"]
    wrapper = {"type": "object", "properties": {"result": output}, "required": ["result"]}
    return {**item, "outputSchema": wrapper}


# Results.


def direct(method: str, uri: str, said: Said, is_modern: bool) -> Json:
    """
    Tell what a plugin answers: a client of its own era that speaks with it sees just that.
    """
    result: Json = {}
    match method:
        case "tools/call":
            result |= {} if said.content is None else {"content": list(said.content)}
            result |= {"structuredContent": said.structured} if said.is_structured else {}
            result |= {"isError": True} if said.failed else {}
        case "prompts/get":
            messages = [{"role": "user", "content": each} for each in said.content or ()]
            result |= {"description": "d", "messages": messages}
        case "resources/read":
            result |= {"contents": [{"uri": uri, "text": "t"}]}
            if is_modern and said.life is not None:
                result |= {"ttlMs": said.life, "cacheScope": said.scope}
        case _:
            result |= {"completion": {"values": ["v"], "hasMore": False}}
    result |= {"_meta": said.meta} if said.meta else {}
    return {**result, "resultType": "complete"} if is_modern else result


def result_seen(method: str, result: Json, visitor: Visitor, wrapped: bool) -> Json:
    """
    Tell how a client sees a plugin's result.

    Args:
        method: The method.
        result: What :func:`direct` says.
        visitor: The client.
        wrapped: Whether it is of a tool that is wrapped.
    """
    result = differ_server_info(result)
    result = differ_stamp(result, visitor)
    result = differ_cache_hints(method, result, visitor)
    if method == "tools/call":
        result = differ_missing_content(result, visitor)
    result = differ_unknown_content(result, visitor)
    return differ_wrapped_result(result) if wrapped else result


def differ_server_info(result: Json) -> Json:
    """
    Who the server is, is said by the daemon of itself, and that only to modern clients.
    """
    meta = {name: value for name, value in result.get("_meta", {}).items() if name != SERVER}
    rest = {name: value for name, value in result.items() if name != "_meta"}
    return {**rest, "_meta": meta} if meta else rest


def differ_stamp(result: Json, visitor: Visitor) -> Json:
    """
    A result has a type in the modern era, whatever the plugin's is.
    """
    rest = {name: value for name, value in result.items() if name != "resultType"}
    return {**rest, "resultType": "complete"} if visitor.revision == MODERN else rest


def differ_cache_hints(method: str, result: Json, visitor: Visitor) -> Json:
    """
    Modern clients are told how long a resource may be kept, within reason: for a day at most.
    """
    rest = {name: value for name, value in result.items() if name not in ("ttlMs", "cacheScope")}
    if visitor.revision != MODERN or method != "resources/read":
        return rest
    life = min(max(result.get("ttlMs", 0), 0), _DAY)
    return {**rest, "ttlMs": life, "cacheScope": result.get("cacheScope", "private")}


def differ_missing_content(result: Json, visitor: Visitor) -> Json:
    """
    A tool's result has content: where it has none, its structured result as a text.
    """
    content, is_structured = result.get("content"), "structuredContent" in result
    is_old = visitor.revision < "2025-06-18"
    if content or (content is not None and not (is_structured and is_old)):
        return result
    if not is_structured:
        return {**result, "content": []}
    written = json.dumps(result["structuredContent"], separators=(",", ":"), ensure_ascii=False)
    return {**result, "content": [{"type": "text", "text": written}]}


def differ_unknown_content(result: Json, visitor: Visitor) -> Json:
    """
    Content of a kind that is newer than the client is a text that says what was there.
    """

    def fitted(content: Json) -> Json:
        kept: Json = {name: content[name] for name in ("annotations", "_meta") if name in content}
        if content["type"] == "resource_link" and visitor.revision < "2025-06-18":
            return {"type": "text", "text": f"{content['name']}: {content['uri']}", **kept}
        if content["type"] == "audio" and visitor.revision < "2025-03-26":
            return {"type": "text", "text": f"audio {content['mimeType']}", **kept}
        return content

    if "content" in result:
        return {**result, "content": [fitted(each) for each in result["content"]]}
    if "messages" in result:
        messages = [{**each, "content": fitted(each["content"])} for each in result["messages"]]
        return {**result, "messages": messages}
    return result


def without_words(seen: str) -> str:
    """
    Put plain words in the place of how a sentence about audio is put: that is nobody's to rely on.
    """
    return re.sub(r'"\[audio left out, [^"]*?: ([^",]+), \d+ bytes\]"', r'"audio \1"', seen)


def differ_wrapped_result(result: Json) -> Json:
    """
    The structured result of a wrapped tool is wrapped, too.
    """
    if "structuredContent" not in result:
        return result
    return {**result, "structuredContent": {"result": result["structuredContent"]}}


# Errors.


def error_seen(method: str, uri: str, error: Json, visitor: Visitor) -> Json:
    """
    Tell how a client sees a plugin's error: as a message with ``error``, or with a ``result``.
    """
    code, data = error["code"], {"data": error["data"]} if "data" in error else {}
    is_modern = visitor.revision == MODERN
    if code == _CAPABILITY and not is_modern and method == "tools/call":
        return differ_capability(error)
    if code == _LEGACY_MISSING or (code == _PARAMS and method == "resources/read"):
        data = differ_missing_uri(method, uri, data)
    if code == _LEGACY_URL and is_modern:
        # The addresses are for a client that knows what to do with them.
        data = {}
    return {"error": {"code": differ_code(method, code, is_modern), "message": error["message"], **data}}


def differ_code(method: str, code: int, is_modern: bool) -> int:
    """
    A code of the other era only is one that the client's own era has.
    """
    if not -(2**31) <= code < 2**31:
        return _INTERNAL
    if is_modern:
        codes = {_LEGACY_MISSING: _PARAMS, _LEGACY_URL: _INTERNAL} | dict.fromkeys(_ONLY_MODERN, _INTERNAL)
    else:
        codes = {_CAPABILITY: _INTERNAL} | dict.fromkeys(_ONLY_MODERN, _PARAMS)
        if method == "resources/read":
            codes[_PARAMS] = _LEGACY_MISSING
    return codes.get(code, code)


def differ_nobodys(sort: str, declared: bool) -> int:
    """
    A tool that nobody has is unknown by its name, even where there are no tools at all.
    """
    return _PARAMS if declared or sort == "tools" else _UNKNOWN


def differ_missing_uri(method: str, uri: str, data: Json) -> Json:
    """
    Which resource was not found is always said.
    """
    known = {} if data.get("data") is None else data["data"]
    if method != "resources/read" or not isinstance(known, dict):
        return data
    return {"data": {"uri": uri, **known}}


def differ_capability(error: Json) -> Json:
    """
    That a legacy client lacks what a tool needs is told as the tool's own error.
    """
    text = f"This tool needs something of the client that can't be given: {error['message']}"
    return {"result": {"content": [{"type": "text", "text": text}], "isError": True}}


# Notices.


@define
class Progress:
    """
    What of a call's progress is passed, and when.

    Attributes:
        told: What the client has heard by now.
    """

    told: list[Json] = field(factory=list)
    _passed: int = 0
    _waiting: Json | None = None

    def differ_throttle(self, notice: Json) -> None:
        """
        Only the first notices are passed at once, however fast they come; of the rest the newest.
        """
        if self._passed < PASSED:
            self._passed += 1
            self.told.append(notice)
        else:
            self._waiting = notice

    def end(self) -> None:
        """
        Hear that the call is answered: the last one is passed before.
        """
        if self._waiting is not None:
            self.told.append(self._waiting)


def differ_unattributable(asked: Sequence[int], plugin: int) -> bool:
    """
    A log message that may belong to several calls is told to nobody; say whether it is told.

    Args:
        asked: Whom the calls that run were given to.
        plugin: Who says it.
    """
    return list(asked).count(plugin) == 1


def differ_turn(error: Json) -> bool:
    """
    Where several plugins may have a resource, one that does not have it is not the last word.
    """
    return error["code"] in (_LEGACY_MISSING, _PARAMS, 0)
