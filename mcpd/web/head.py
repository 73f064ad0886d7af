# -*- test-case-name: tests.web.test_head -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A request's head, read strictly.

The grammar is llhttp's, through httptools.  The parser is shown one header
block at a time, and nothing else: it never sees a body, so that no field can
make it take one for something else (an ``Upgrade: h2c`` would make it swallow
the body).  Where a body begins and ends is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct

from mcpd.wire.fault import Fault, Kind

CHUNKED = -1
"""The length of a body that comes in chunks."""

# Methods that the parser may read as they are; others have a grammar of their
# own there (CONNECT), or none, and are shown as GET.
_KNOWN = frozenset((b"GET", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"PATCH"))
# RFC 9110, section 5.6.2.
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Visible, and no fragment: that is the client's own (RFC 9110, section 7.1).
_TARGET = bytes(byte for byte in range(33, 127) if byte != ord("#"))

_NOBODY = object()
_NONE: frozenset[bytes] = frozenset()


class Head(Struct, frozen=True, eq=False):
    """
    A request before its body.

    Attributes:
        method: As sent; methods are case-sensitive.
        path: The target's path, as sent.
        query: What follows the target's question mark.
        fields: Values without surrounding blanks by lower-case names;
            repeated ones are joined by a comma and a blank.
        repeated: Lower-case names that came more than once.
        peer: The client's address; empty for a socket without one.
        id: The request's id, for logs and errors: ours, or a trusted proxy's.
        secure: Whether it came over TLS, to us or to a trusted proxy.
    """

    method: bytes
    path: bytes
    query: bytes
    fields: Mapping[bytes, bytes]
    repeated: frozenset[bytes]
    peer: str
    id: str
    secure: bool = False


class Outline(Struct, frozen=True, eq=False):
    """
    What a header block says, whoever sent it; equal blocks have equal outlines.

    Attributes:
        method: As in :class:`Head`, like the next four.
        old: Whether it is HTTP/1.0.
        length: Bytes of the body, or :data:`CHUNKED`.
        keeps: Whether the client means to send more on the connection.
        encoded: Whether the body has a Content-Encoding.
        waits: Whether it sends the body only once it is told to.  HTTP/1.0
            knows no such thing (RFC 9110, section 10.1.1).
        strange: Whether it expects what nobody knows.
        block: The block itself.
    """

    method: bytes
    path: bytes
    query: bytes
    fields: Mapping[bytes, bytes]
    repeated: frozenset[bytes]
    old: bool
    length: int
    keeps: bool
    encoded: bool
    waits: bool
    strange: bool
    block: bytes


def find_head(data: bytes, line: int, most: int) -> tuple[int, int]:
    """
    Find where a head begins and ends.

    What cannot become a head any more is refused before it is whole.

    Args:
        data: What came since the last request.
        line: Most bytes of the first line.
        most: Most bytes in all.

    Returns:
        Where it begins, and where what follows it begins; 0 for the second
        while it is not whole.

    Raises:
        Fault: It is none, or too long.
    """
    # RFC 9112, section 2.2: one empty line before a request is forgiven.
    start = 2 if data.startswith(b"\r\n") else 0
    end = data.find(b"\r\n\r\n", start) + 4
    head = data[start:] if end < 4 else data[start:end]
    if head[:1] not in TOKEN and data != b"\r":
        raise _bad("a request begins with a method")
    first = head.find(b"\r\n")
    if (len(head) if first < 0 else first) > line:
        raise Fault(Kind.FIELDS_TOO_LARGE, "the request line is longer than limits.request_line")
    if len(head) > most:
        raise Fault(Kind.FIELDS_TOO_LARGE, "the header fields are longer than limits.head")
    if end >= 4:
        return start, end
    if head.count(b"\n") != head.count(b"\r\n"):
        raise _bad("a line ends in CR LF")
    return start, 0


def read_outline(block: bytes, most: int) -> Outline:
    """
    Read a header block.

    Args:
        block: From the request line to the empty line, with both.
        most: Fields that it may have.

    Raises:
        Fault: It is none, of an HTTP version that we do not speak, or its
            body's end is in doubt.
    """
    line, *lines = block[:-4].split(b"\r\n")
    if len(lines) > most:
        raise Fault(Kind.FIELDS_TOO_LARGE, "the request has more header fields than limits.fields")
    method, target, old = _read_line(line)
    _check_grammar(method, block)
    path, _, query = target.partition(b"?")
    fields, repeated = _read_fields(lines)
    if old:
        # RFC 9110, section 7.8: the wish for another protocol is ignored.
        fields.pop(b"upgrade", None)
    length = _read_length(fields, repeated, old)
    connection = fields.get(b"connection")
    # The second is what most clients send, and the same in both versions.
    keeps = not old or connection == b"keep-alive"
    if connection is not None and connection != b"keep-alive":
        tokens = [token.strip() for token in connection.lower().split(b",")]
        keeps = b"keep-alive" in tokens if old else b"close" not in tokens
    encoded = b"content-encoding" in fields and fields[b"content-encoding"].lower() != b"identity"
    waits = not old and b"expect" in fields
    strange = waits and fields[b"expect"].lower() != b"100-continue"
    return Outline(method, path, query, fields, repeated, old, length, keeps, encoded, waits, strange, block)


def _bad(text: str) -> Fault:
    return Fault(Kind.BAD_REQUEST, text)


def _read_line(line: bytes) -> tuple[bytes, bytes, bool]:
    words = line.split(b" ")
    if len(words) != 3:
        raise _bad("a request line is a method, a path and a version, with one blank between")
    method, target, version = words
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        if version.startswith(b"HTTP/"):
            raise Fault(Kind.HTTP_VERSION, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        raise _bad("the request line does not end in a version")
    if not method or method.translate(None, TOKEN):
        raise _bad("the method is no token")
    # The absolute form is for proxies, and lets a request name two hosts.
    if not target.startswith(b"/") or target.translate(None, _TARGET):
        raise _bad("the target is no path")
    return method, target, version == b"HTTP/1.0"


def _check_grammar(method: bytes, block: bytes) -> None:
    try:
        # A parser without callbacks stays in C all the way.
        HttpRequestParser(_NOBODY).feed_data(block if method in _KNOWN else b"GET" + block[len(method) :])
    except HttpParserUpgrade:
        # A wish that may be ignored (RFC 9110, section 7.8).
        return
    except HttpParserError:
        raise _bad("the header fields are malformed") from None


def _read_fields(lines: list[bytes]) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    # The grammar holds already: each line is a token, a colon and a value.
    rows = [line.partition(b":") for line in lines]
    fields = {name.lower(): value.strip() for name, _, value in rows}
    if len(fields) == len(lines):
        return fields, _NONE
    fields = {}
    repeated = _NONE
    for name, _, value in rows:
        key, text = name.lower(), value.strip()
        if key in fields:
            repeated |= {key}
            text = fields[key] + b", " + text
        fields[key] = text
    return fields, repeated


def _read_length(fields: Mapping[bytes, bytes], repeated: frozenset[bytes], old: bool) -> int:
    # RFC 9112, section 6.3: whatever two readers could take differently is
    # refused, since the one before us may have read it the other way.
    coding = fields.get(b"transfer-encoding")
    length = fields.get(b"content-length")
    if coding is not None:
        if length is not None or old or coding.lower() != b"chunked":
            raise _bad("Transfer-Encoding may only be chunked, in HTTP/1.1, without Content-Length")
        return CHUNKED
    if length is None:
        return 0
    if b"content-length" in repeated or not length.isdigit() or len(length) > 19:
        raise _bad("Content-Length is not one number")
    return int(length)
