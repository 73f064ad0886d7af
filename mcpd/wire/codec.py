# -*- test-case-name: tests.wire.test_codec -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
JSON-RPC messages out of bytes; :mod:`mcpd.wire.write` makes bytes of them.

Reading is one scan that keeps arguments and results as raw pieces.  The
envelope that goes out is always our own: a peer's bytes are forwarded only as
values, so two readers can never see two messages in one text.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from attrs import frozen
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import astuple

from mcpd.wire.breadth import MEMBERS, SHARE, SHORTEST, is_broad, is_envelope_broad, pieces_decoder
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Batch, Members, Message, Notice, Piece, Refusal, Request


class _Error(Struct, gc=False):
    code: int
    message: str = ""
    data: Raw | UnsetType = UNSET


class _Envelope(Struct, gc=False):
    jsonrpc: str = ""
    id: Raw = Raw()
    method: str | UnsetType = UNSET
    params: dict[str, Raw] | UnsetType | None = UNSET
    result: dict[str, Raw] | UnsetType | None = UNSET
    error: _Error | UnsetType | None = UNSET


class _UsualRequest(Struct, gc=False, forbid_unknown_fields=True):
    jsonrpc: Literal["2.0"]
    id: Raw
    method: str
    params: dict[str, Raw]


class _UsualAnswer(Struct, gc=False, forbid_unknown_fields=True):
    jsonrpc: Literal["2.0"]
    id: Raw
    result: dict[str, Raw]


class _Id(Struct, gc=False):
    id: Raw = Raw()


_LONE = len(rb"\ud800")
_envelope = msgspec.json.Decoder(_Envelope).decode
_usual_request = msgspec.json.Decoder(_UsualRequest).decode
_usual_answer = msgspec.json.Decoder(_UsualAnswer).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_pieces = msgspec.json.Decoder(list[Raw]).decode
_only_id = msgspec.json.Decoder(_Id).decode
_text = msgspec.json.Decoder(str).decode

# What these raise for a text that they can't read.
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# What every message costs beside its own pieces, as compact JSON:
# {"jsonrpc":"2.0" and the closing brace; each further member has four more
# characters than its name and its value.
_FIXED = len('{"jsonrpc":"2.0"}')
_ID = len(',"id":')
_METHOD = len(',"method":""')
_PARAMS = len(',"params":')
_REQUEST = _FIXED + _ID + _METHOD + _PARAMS

# No text of so many bytes has too many members.
_NARROW = MEMBERS * SHORTEST

# As numbers: a search for a piece of bytes takes five times as long to begin.
_LF, _CR, _QUOTE = b'\n\r"'


def _unreadable(text: str) -> Fault:
    return Fault(Kind.UNREADABLE, text)


def _invalid(text: str) -> Fault:
    return Fault(Kind.INVALID, text)


@frozen
class Reader:
    """
    Reads what one kind of peer sends.

    Attributes:
        strict: Whether the text is refused when its envelope or ``params``
            has a member twice or an escape in a member's name.  So for
            clients, where another reader in front of us may have understood
            something else; a worker is read by nobody but us, and forgiven
            half a surrogate pair.
        id: Most bytes of an id.
        method: Most characters of a method's name.
        batch: Most messages of a batch.
    """

    strict: bool = True
    id: int = 128
    method: int = 128
    batch: int = 100

    def read(self, data: bytes) -> Message | Batch:
        """
        Read one message, or one batch.

        Raises:
            Fault: UNREADABLE if it is not JSON in UTF-8, INVALID if it is not
                a message of JSON-RPC 2.0, or has too many members.
        """
        if len(data) > _NARROW:
            _check_breadth(data, MEMBERS)
        # Nearly every message is a compact request of a client; whatever is odd
        # about one is looked at, and told, by the closer reading.
        if not data.isascii():
            _check_encoding(data)
        if _LF in data or _CR in data:
            data = _compact(data)
        try:
            usual = _usual_request(data)
        except (msgspec.DecodeError, RecursionError):
            # Not from here: a fault keeps no error that quotes the peer.
            usual = None
        if usual is None:
            return self._closely(data)
        id, method, params = bytes(usual.id), usual.method, usual.params
        # See _length; an object with members has one character more than they.
        length = _REQUEST + len(id) + len(method) + 1
        for name, value in params.items():
            length += 4 + len(name) + len(value)
        if length != len(data) or len(id) > self.id or len(method) > self.method:
            return self._closely(data)
        return Request(id, method, params) if id.isdigit() or id[0] == _QUOTE else self._closely(data)

    def _closely(self, data: bytes) -> Message | Batch:
        try:
            envelope = _envelope(data)
        except (msgspec.DecodeError, RecursionError) as error:
            envelope, shape = None, isinstance(error, msgspec.ValidationError)
        if envelope is None:
            return self._odd(data, shape)
        if self.strict and _length(envelope) != len(data):
            _check_members(data)
        if envelope.jsonrpc != "2.0":
            raise _invalid('"jsonrpc" must be "2.0"')
        method, params = envelope.method, envelope.params
        if method is UNSET:
            return self._reply(envelope)
        if len(method) > self.method:
            raise _invalid(f"a method's name has at most {self.method} characters")
        if envelope.result is not UNSET or envelope.error is not UNSET:
            raise _invalid("a message is a request or an answer, not both")
        if params is UNSET or (params is None and not self.strict):
            params = {}
        elif params is None:
            raise _invalid('"params" must be an object')
        return Request(self._id(envelope.id), method, params) if envelope.id else Notice(method, params)

    def _odd(self, data: bytes, shape: bool) -> Message | Batch:
        if shape:
            return self._batch(data)
        mended = data if self.strict else _mend(data)
        if mended == data:
            raise _unreadable("this is not JSON")
        return self.read(mended)

    def _batch(self, data: bytes) -> Batch:
        if data.lstrip(b" \t")[:1] != b"[":
            raise _invalid("this is not a JSON-RPC 2.0 message")
        # Bounded: a batch is work for many requests.
        wrong = f"a batch has 1 to {self.batch} messages"
        try:
            pieces = [piece for piece in astuple(pieces_decoder(self.batch)(data)) if piece]
        except msgspec.ValidationError:
            raise _invalid(wrong) from None
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable("this is not JSON") from None
        if not pieces:
            raise _invalid(wrong)
        items: list[Message | Fault] = []
        for piece in pieces:
            try:
                items.append(self._item(bytes(piece)))
            except Fault as fault:
                items.append(fault)
        return Batch(tuple(items))

    def _item(self, data: bytes) -> Message:
        # Before it is read: of a deep one each level would be read once more than the one around it.
        if data.startswith(b"["):
            raise _invalid("a batch has no batches in it")
        _check_breadth(data, SHARE)
        item = self.read(data)
        assert not isinstance(item, Batch)  # noqa: S101  it does not begin like one
        return item

    def _reply(self, envelope: _Envelope) -> Message:
        if isinstance(envelope.result, dict) and not isinstance(envelope.error, _Error):
            return Answer(self._id(envelope.id), envelope.result)
        error = envelope.error
        if isinstance(error, _Error) and envelope.result in (UNSET, None):
            raw = bytes(envelope.id)
            id = b"" if raw in (b"", b"null") else self._id(envelope.id)
            return Refusal(id, error.code, error.message, None if error.data is UNSET else error.data)
        raise _invalid('a message has a "method", a "result" object or an "error"')

    def _id(self, raw: Raw) -> bytes:
        id = bytes(raw)
        if len(id) > self.id:
            raise _invalid(f"an id has at most {self.id} bytes")
        if not (id.isdigit() or id[:1] == b'"' or id.removeprefix(b"-").isdigit()):
            raise _invalid("an id is a string or an integer")
        return id


def _check_breadth(data: bytes, most: int) -> None:
    if is_broad(data, most):
        raise _invalid(f"a message and its params have at most {most} members each")


def _check_encoding(data: bytes) -> None:
    # msgspec leaves the inside of a raw piece unchecked.
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        raise _unreadable("this is not UTF-8") from None


_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)", re.DOTALL)


def _mend(data: bytes) -> bytes:
    """
    Put the replacement character for each half of a surrogate pair that stands alone.

    JSON's grammar has them, and JavaScript writes them where a text was cut in
    the middle of an emoji (RFC 8259, section 8.2); Unicode has no such thing,
    and the whole answer would be lost over it.
    """

    def whole(match: re.Match[bytes]) -> bytes:
        escape = match[0]
        alone = len(escape) == _LONE and escape[2:3] in b"dD"
        return rb"\ufffd" if alone else escape

    return _ESCAPE.sub(whole, data)


def _compact(data: bytes) -> bytes:
    # Takes line ends out of what will pass through a line: control characters
    # inside strings must be escaped (RFC 8259, section 7), so a line end is
    # white space wherever it stands.
    try:
        return msgspec.json.format(data, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        raise _unreadable("this is not JSON") from None


def _length(envelope: _Envelope) -> int:
    """
    Say how long this request would be as compact JSON.

    A member that stood twice, an escape in a name and a member that we do not
    know all make the text longer than the sum of what was understood.
    """
    id, method, params = envelope.id, envelope.method, envelope.params
    length = _FIXED
    if id:
        length += _ID + len(id)
    if method is not UNSET:
        length += _METHOD + len(method)
    if isinstance(params, dict):
        members = 1 + sum(4 + len(name) + len(value) for name, value in params.items())
        length += _PARAMS + max(members, 2)
    return length


def _check_members(data: bytes) -> None:
    """
    Refuse a member that stands twice, and escapes in names.

    The way for texts with white space, names beyond ASCII or members of the
    envelope that JSON-RPC does not know.
    """
    compact = _compact(data)
    top = _members(compact)
    _check_sum(top, compact)
    for name in ("params", "result"):
        inner = members(top.get(name, Raw()))
        if inner is not None:
            _check_sum(inner, top[name])
    if b"\\" in bytes(top.get("method", Raw())):
        raise _invalid("a method's name has no escapes")


def _check_sum(members: Members, text: bytes | Raw) -> None:
    length = 1 + sum(
        4 + len(name.encode("utf-8", "surrogatepass")) + len(value) for name, value in members.items()
    )
    if max(length, 2) != len(text):
        raise _invalid("a member stands twice, or its name has an escape")


def read_usual(line: bytes) -> Answer | None:
    """
    Read what a worker says if it is an answer of the usual form, which nearly all is.

    The id is not looked at: it is one that somebody waits for, or nobody does.

    Returns:
        None if :class:`Reader` has to look at it: it is an error, a request, a
        notice, or no message at all.
    """
    if _CR in line or (len(line) > _NARROW and is_broad(line, MEMBERS)):
        return None
    try:
        if not line.isascii():
            str(line, "utf-8")
        usual = _usual_answer(line)
    except _BROKEN:
        return None
    return Answer(bytes(usual.id), usual.result)


def salvage_id(data: bytes) -> bytes | None:
    """
    Find the id in a text that could not be read as a message.

    Returns:
        The id's JSON text if it is a string or an integer, else None.  Among
        too many members it is not looked for.
    """
    if is_envelope_broad(data, MEMBERS):
        return None
    try:
        str(data, "utf-8")
        return Reader()._id(_only_id(data).id)
    except (*_BROKEN, Fault):
        return None


def members(piece: Piece) -> Members | None:
    """
    Read an object's direct members; None if the piece is not an object.
    """
    try:
        return _members(piece)
    except _BROKEN:
        return None


def pieces(piece: Piece) -> list[Raw] | None:
    """
    Read an array's items; None if the piece is not an array.
    """
    try:
        return _pieces(piece)
    except _BROKEN:
        return None


def text(piece: Piece) -> str | None:
    """
    Read a string; None if the piece is not one.
    """
    try:
        return _text(piece)
    except _BROKEN:
        return None
