# -*- test-case-name: tests.relay.test_content -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What results hold, fitted to clients that know less than the plugin.

Nothing is dropped: what a client's revision does not know becomes a text that
says what was there.  What can't be read passes as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Raw

from mcpd.wire import codec, write
from mcpd.wire.message import Members, Piece
from mcpd.wire.revision import Revision

_NOTHING = Raw()
_BRACKET, _BRACE = b"[{"
# What a text may have of the members of any content (MCP 2024-11-05, ``Annotated``).
_COMMON = ("annotations", "_meta")


def composed(members: Mapping[str, Piece]) -> bytes:
    """
    Write an object with these members.
    """
    out: list[Piece] = []
    write.put(out, members)
    return write.join(out)


def wrap(result: Mapping[str, Piece]) -> dict[str, Piece]:
    """
    Put an object around a structured result, as the wrapped schema promises.
    """
    wrapped = dict(result)
    structured = result.get("structuredContent")
    if structured is not None:
        wrapped["structuredContent"] = b"".join((b'{"result":', structured, b"}"))
    return wrapped


def filled(result: Mapping[str, Piece], revision: Revision) -> Mapping[str, Piece]:
    """
    Give a tool's result the content that the schema of every revision requires.

    It is the structured result as a text (MCP, "Structured Content"), or
    nothing where there is none.  A client that does not know structured results
    is also given that text in the place of an empty list.
    """
    content, structured = result.get("content"), result.get("structuredContent")
    if content is not None and not is_list(content):
        content = _as_list(content)
        result = {**result, "content": content}
    if structured is None:
        return result if content is not None else {**result, "content": b"[]"}
    if content is None or (not revision.structured and codec.pieces(content) == []):
        return {**result, "content": b"[%b]" % _text(str(structured, "utf-8"), {})}
    return result


def is_list(piece: Piece) -> bool:
    """
    Say whether a piece is an array, by its first letter.
    """
    return memoryview(piece)[0] == _BRACKET


def _as_list(piece: Piece) -> Piece:
    # Some write one item, or a text, where a list of items belongs, and clients
    # would drop the whole result over it.
    text = codec.text(piece)
    item = piece if text is None else _text(text, {})
    return b"[%b]" % item if memoryview(item)[0] == _BRACE else b"[]"


def unknown_kinds(revision: Revision) -> frozenset[str]:
    """
    Name the kinds of content that a revision does not know.
    """
    known = {"audio": revision.audio, "resource_link": revision.links}
    return frozenset(kind for kind, has in known.items() if not has)


def downgraded(result: Mapping[str, Piece], unknown: frozenset[str]) -> Mapping[str, Piece]:
    """
    Put texts in the place of content that a client does not know.

    Args:
        result: Of a tool, whose content is a list, or of a prompt, each of
            whose messages has one.
        unknown: What :func:`unknown_kinds` says of the client's revision.
    """
    for member, fit in (("content", _fit_content), ("messages", _fit_message)):
        listed = result.get(member)
        if listed is not None and _mentions(listed, unknown):
            items = codec.pieces(listed)
            if items is not None:
                fitted = b",".join([fit(item, unknown) for item in items])
                result = {**result, member: b"[%b]" % fitted}
    return result


def _mentions(piece: Piece, kinds: frozenset[str]) -> bool:
    # A search costs a hundredth of reading, and mostly finds nothing.
    text = bytes(piece)
    return any(b'"%b"' % kind.encode() in text for kind in kinds)


def _fit_message(message: Raw, unknown: frozenset[str]) -> Piece:
    members = codec.members(message)
    content = None if members is None else members.get("content")
    if members is None or content is None:
        return message
    return composed({**members, "content": _fit_content(content, unknown)})


def _fit_content(content: Raw, unknown: frozenset[str]) -> Piece:
    members = codec.members(content) or {}
    kind = codec.text(members.get("type", _NOTHING))
    if kind not in unknown:
        return content
    return _text(_NOTES[kind](members), {name: members[name] for name in _COMMON if name in members})


def _text(text: str, common: Members) -> bytes:
    return composed({"type": b'"text"', "text": write.encode(text), **common})


def _note_audio(audio: Members) -> str:
    mime = codec.text(audio.get("mimeType", _NOTHING)) or "of an unknown type"
    data = codec.text(audio.get("data", _NOTHING)) or ""
    # RFC 4648, section 4: four characters for three bytes, padded by "=".
    size = len(data.rstrip("=")) * 3 // 4
    return f"[audio left out, which this client's protocol version does not have: {mime}, {size} bytes]"


def _note_link(link: Members) -> str:
    name, uri = (codec.text(link.get(member, _NOTHING)) for member in ("name", "uri"))
    return ": ".join(part for part in (name, uri) if part) or "[a link that leads nowhere]"


_NOTES: dict[str, Callable[[Members], str]] = {"audio": _note_audio, "resource_link": _note_link}
