# -*- test-case-name: tests.wire.test_codec -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a peer may send, and what becomes of it: one table with a name for each row.

An outcome is the kind of message that was read (``request``, ``notice``,
``answer``, ``refusal``, ``batch``) or the kind of fault (``UNREADABLE``,
``INVALID``).  :data:`BOTH` holds for whoever sent it; :data:`CLIENT` has what
is refused from a client (INVALID) and read from a worker.
"""

from __future__ import annotations

from collections.abc import Callable

Row = tuple[bytes, str]

UNREADABLE, INVALID = "UNREADABLE", "INVALID"
REQUEST, NOTICE, ANSWER, REFUSAL, BATCH = "request", "notice", "answer", "refusal", "batch"

DEEP = 100_000
"""Brackets; far beyond what any scanner follows."""


def _id(text: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % text


def _argument(text: bytes) -> bytes:
    """
    A call with this as one of its arguments, whose bytes pass through unread.
    """
    params = b'{"name":"echo","arguments":{"value":%b}}' % text
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%b}' % params


def _params(text: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%b}' % text


def _method(text: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":%b}' % text


def _version(text: bytes) -> bytes:
    return b'{"jsonrpc":%b,"id":1,"method":"ping"}' % text


def _reply(text: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,%b}' % text


def _rows(prefix: str, make: Callable[[bytes], bytes], *rows: tuple[str, bytes, str]) -> dict[str, Row]:
    return {f"{prefix}: {name}": (make(text), outcome) for name, text, outcome in rows}


def _whole(text: bytes) -> bytes:
    return text


_PING = _id(b"1")
_NOTE = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'

_IDS = _rows(
    "id",
    _id,
    ("an integer", b"1", REQUEST),
    ("zero", b"0", REQUEST),
    ("minus zero", b"-0", REQUEST),
    ("a negative integer", b"-7", REQUEST),
    ("beyond 64 bits", b"18446744073709551616", REQUEST),
    ("an integer at the bound", b"9" * 128, REQUEST),
    ("an integer beyond the bound", b"9" * 129, INVALID),
    ("an integer of thousands of digits", b"9" * 5000, INVALID),
    ("a string", b'"a"', REQUEST),
    ("an empty string", b'""', REQUEST),
    ("a string at the bound", b'"%b"' % (b"a" * 126), REQUEST),
    ("a string beyond the bound", b'"%b"' % (b"a" * 127), INVALID),
    ("a string whose bytes are beyond the bound", b'"%b"' % ("é" * 64).encode(), INVALID),
    ("a string with an escape", b'"\\u0061"', REQUEST),
    ("a string with a quote in it", b'"a\\"b"', REQUEST),
    ("a string of digits", b'"1"', REQUEST),
    ("null", b"null", INVALID),
    ("true", b"true", INVALID),
    ("false", b"false", INVALID),
    ("a whole number with a point", b"1.0", INVALID),
    ("a fraction", b"1.5", INVALID),
    ("an exponent", b"1e3", INVALID),
    ("an array", b"[1]", INVALID),
    ("an object", b"{}", INVALID),
    ("nothing", b"", UNREADABLE),
    ("a leading zero", b"01", UNREADABLE),
    ("a plus", b"+1", UNREADABLE),
    ("only a minus", b"-", UNREADABLE),
    ("hexadecimal", b"0x1", UNREADABLE),
    ("a string with a control character", b'"a\x01"', UNREADABLE),
    ("a string with a line end", b'"a\n"', UNREADABLE),
    ("half of a surrogate pair", b'"\\ud800"', UNREADABLE),
)

_VALUES = _rows(
    "argument",
    _argument,
    ("null", b"null", REQUEST),
    ("a number of thousands of digits", b"9" * 5000, REQUEST),
    ("a fraction of thousands of digits", b"0." + b"1" * 5000, REQUEST),
    ("an exponent beyond every float", b"1e999999", REQUEST),
    ("minus zero", b"-0", REQUEST),
    ("a pair of surrogate escapes", b'"\\ud83d\\ude00"', REQUEST),
    ("an escaped NUL", b'"\\u0000"', REQUEST),
    ("an escaped line end", b'"a\\nb\\r"', REQUEST),
    ("DEL", b'"\x7f"', REQUEST),
    ("U+2028 and U+2029", b'"\xe2\x80\xa8\xe2\x80\xa9"', REQUEST),
    ("U+FFFE and U+FFFF", b'"\xef\xbf\xbe\xef\xbf\xbf"', REQUEST),
    ("the last code point", b'"\xf4\x8f\xbf\xbf"', REQUEST),
    ("a member twice, which nobody judges here", b'{"a":1,"a":2}', REQUEST),
    ("an escape in a name, which nobody judges here", b'{"\\u0061":1}', REQUEST),
    ("a message in a string", b'"{\\"jsonrpc\\":\\"2.0\\"}"', REQUEST),
    ("NaN", b"NaN", UNREADABLE),
    ("Infinity", b"Infinity", UNREADABLE),
    ("-Infinity", b"-Infinity", UNREADABLE),
    ("nan", b"nan", UNREADABLE),
    ("undefined", b"undefined", UNREADABLE),
    ("True", b"True", UNREADABLE),
    ("a literal cut short", b"tru", UNREADABLE),
    ("a literal grown long", b"nulll", UNREADABLE),
    ("a leading zero", b"007", UNREADABLE),
    ("a leading zero in an array", b"[00]", UNREADABLE),
    ("a number that ends with a point", b"1.", UNREADABLE),
    ("a number that begins with a point", b".5", UNREADABLE),
    ("an exponent without digits", b"1e", UNREADABLE),
    ("two numbers", b"1 2", UNREADABLE),
    ("a comma at the end of an array", b"[1,]", UNREADABLE),
    ("a comma at the end of an object", b'{"a":1,}', UNREADABLE),
    ("only a comma", b"[,]", UNREADABLE),
    ("no comma", b"[1 2]", UNREADABLE),
    ("no colon", b'{"a" 1}', UNREADABLE),
    ("a name that is a number", b"{1:2}", UNREADABLE),
    ("a name without quotes", b"{a:2}", UNREADABLE),
    ("single quotes", b"'a'", UNREADABLE),
    ("a comment", b"/* a */ 1", UNREADABLE),
    ("a comment to the end of the line", b"1 // a\n", UNREADABLE),
    ("brackets that do not match", b"[1}", UNREADABLE),
    ("NUL in a string", b'"a\x00b"', UNREADABLE),
    ("NUL between values", b"\x001", UNREADABLE),
    ("a tab in a string", b'"a\tb"', UNREADABLE),
    ("a line feed in a string", b'"a\nb"', UNREADABLE),
    ("a carriage return in a string", b'"a\rb"', UNREADABLE),
    ("a line feed in a name", b'{"a\nb":1}', UNREADABLE),
    ("a second message behind a line feed in a string", b'"\n' + _PING + b'\n"', UNREADABLE),
    ("an escape character in a string", b'"\x1b[2J"', UNREADABLE),
    ("the last control character", b'"\x1f"', UNREADABLE),
    ("an unknown escape", b'"\\q"', UNREADABLE),
    ("a short escape", b'"\\u12"', UNREADABLE),
    ("an escape that is not hexadecimal", b'"\\u12zz"', UNREADABLE),
    ("a high surrogate alone", b'"\\ud800"', UNREADABLE),
    ("a low surrogate alone", b'"\\udc00"', UNREADABLE),
    ("two high surrogates", b'"\\ud800\\ud800"', UNREADABLE),
    ("a high surrogate before a letter", b'"\\ud800a"', UNREADABLE),
    ("a string without an end", b'"a', UNREADABLE),
    ("a form feed between values", b"\x0c1", UNREADABLE),
    ("a vertical tab between values", b"\x0b1", UNREADABLE),
    ("a no-break space between values", b"\xc2\xa01", UNREADABLE),
    ("a surrogate in UTF-8", b'"\xed\xa0\x80"', UNREADABLE),
    ("a pair of surrogates in UTF-8", b'"\xed\xa0\xbd\xed\xb8\x80"', UNREADABLE),
    ("an overlong NUL", b'"\xc0\x80"', UNREADABLE),
    ("an overlong slash", b'"\xe0\x80\xaf"', UNREADABLE),
    ("beyond the last code point", b'"\xf4\x90\x80\x80"', UNREADABLE),
    ("a byte that only continues", b'"\x80"', UNREADABLE),
    ("UTF-8 cut short", b'"\xe2\x82"', UNREADABLE),
    ("Latin-1", b'"caf\xe9"', UNREADABLE),
    ("0xFF", b'"\xff"', UNREADABLE),
    ("invalid UTF-8 in a name", b'{"\xff":1}', UNREADABLE),
    ("invalid UTF-8 beside a line end", b'\n"\xff"', UNREADABLE),
    ("arrays without end", b"[" * DEEP, UNREADABLE),
    ("arrays too deep", b"[" * DEEP + b"]" * DEEP, UNREADABLE),
    ("objects too deep", b'{"a":' * DEEP + b"1" + b"}" * DEEP, UNREADABLE),
    ("arrays too deep, over two lines", b"\n" + b"[" * DEEP + b"]" * DEEP, UNREADABLE),
)

_SHAPES = (
    _rows(
        "params",
        _params,
        ("an empty object", b"{}", REQUEST),
        ("a name beyond ASCII", '{"é":1}'.encode(), REQUEST),
        ("a name beyond the first plane", '{"😀":1}'.encode(), REQUEST),
        ("an empty name", b'{"":1}', REQUEST),
        ("names that differ by case", b'{"a":1,"A":2}', REQUEST),
        ("names that differ by form", '{"é":1,"e\u0301":2}'.encode(), REQUEST),
        ("an array", b"[]", INVALID),
        ("a string", b'"a"', INVALID),
        ("a number", b"1", INVALID),
        ("true", b"true", INVALID),
        ("an unknown escape in a name", b'{"\\q":1}', UNREADABLE),
        ("half of a surrogate pair in a name", b'{"\\ud800":1}', UNREADABLE),
        ("NUL in a name", b'{"a\x00":1}', UNREADABLE),
        ("invalid UTF-8 in a name", b'{"\xff":1}', UNREADABLE),
    )
    | _rows(
        "method",
        _method,
        ("empty", b'""', REQUEST),
        ("at the bound", b'"%b"' % (b"m" * 128), REQUEST),
        ("beyond the bound", b'"%b"' % (b"m" * 129), INVALID),
        ("beyond ASCII", '"é"'.encode(), REQUEST),
        ("null", b"null", INVALID),
        ("a number", b"1", INVALID),
        ("an object", b"{}", INVALID),
    )
    | _rows(
        "version",
        _version,
        ("as it is", b'"2.0"', REQUEST),
        ("with an escape in its value", b'"2\\u002e0"', REQUEST),
        ("of the past", b'"1.0"', INVALID),
        ("a number", b"2.0", INVALID),
        ("empty", b'""', INVALID),
        ("null", b"null", INVALID),
        ("with white space", b'"2.0 "', INVALID),
    )
    | _rows(
        "reply",
        _reply,
        ("a result", b'"result":{"content":[]}', ANSWER),
        ("an empty result", b'"result":{}', ANSWER),
        ("a result, and an error that is null", b'"result":{},"error":null', ANSWER),
        ("an error", b'"error":{"code":-32601,"message":"no"}', REFUSAL),
        ("an error with data", b'"error":{"code":1,"message":"no","data":{"a":[1]}}', REFUSAL),
        ("an error without a message", b'"error":{"code":1}', REFUSAL),
        ("an error, and a result that is null", b'"result":null,"error":{"code":1}', REFUSAL),
        ("both", b'"result":{},"error":{"code":1,"message":"no"}', INVALID),
        ("neither", b'"more":1', INVALID),
        ("a result that is null", b'"result":null', INVALID),
        ("a result that is an array", b'"result":[]', INVALID),
        ("a result that is a string", b'"result":"a"', INVALID),
        ("an error that is null", b'"error":null', INVALID),
        ("an error that is a string", b'"error":"no"', INVALID),
        ("an error without a code", b'"error":{"message":"no"}', INVALID),
        ("an error whose code is a string", b'"error":{"code":"1"}', INVALID),
        ("an error whose code is a fraction", b'"error":{"code":1.5}', INVALID),
        ("an error whose code has thousands of digits", b'"error":{"code":%b}' % (b"9" * 5000), INVALID),
        ("an error whose message is a number", b'"error":{"code":1,"message":1}', INVALID),
        ("a result with a method", b'"method":"ping","result":{}', INVALID),
        ("an error with a method", b'"method":"ping","error":{"code":1}', INVALID),
        ("a null result with a method", b'"method":"ping","result":null', INVALID),
    )
    | _rows(
        "message",
        _whole,
        ("a notice", _NOTE, NOTICE),
        ("a notice with params", b'{"jsonrpc":"2.0","method":"a","params":{"b":1}}', NOTICE),
        ("members in another order", b'{"params":{},"method":"a","id":1,"jsonrpc":"2.0"}', REQUEST),
        ("a member that JSON-RPC does not know", b'{"jsonrpc":"2.0","id":1,"method":"a","b":[1]}', REQUEST),
        ("an unknown member too deep", b'{"jsonrpc":"2.0","method":"a","b":%b' % (b"[" * DEEP), UNREADABLE),
        ("no version", b'{"id":1,"method":"ping"}', INVALID),
        ("no id beside a result", b'{"jsonrpc":"2.0","result":{}}', INVALID),
        ("a null id beside a result", b'{"jsonrpc":"2.0","id":null,"result":{}}', INVALID),
        ("no id beside an error", b'{"jsonrpc":"2.0","error":{"code":1,"message":"a"}}', REFUSAL),
        ("a null id beside an error", b'{"jsonrpc":"2.0","id":null,"error":{"code":1}}', REFUSAL),
        ("a fraction as id beside an error", b'{"jsonrpc":"2.0","id":1.5,"error":{"code":1}}', INVALID),
        ("names in another case", b'{"JSONRPC":"2.0","id":1,"Method":"ping"}', INVALID),
        ("an empty object", b"{}", INVALID),
        ("a number", b"1", INVALID),
        ("a string", b'"a"', INVALID),
        ("null", b"null", INVALID),
        ("nothing", b"", UNREADABLE),
        ("white space", b" \t\r\n", UNREADABLE),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n", UNREADABLE),
        ("two messages", _PING + _PING, UNREADABLE),
        ("two messages on two lines", _PING + b"\n" + _PING, UNREADABLE),
        ("a byte behind it", _PING + b"x", UNREADABLE),
        ("NUL behind it", _PING + b"\x00", UNREADABLE),
        ("brackets", b"[" * DEEP, UNREADABLE),
        ("brackets that close", b"[" * DEEP + b"]" * DEEP, UNREADABLE),
    )
    | _rows(
        "encoding",
        _whole,
        ("a byte order mark", b"\xef\xbb\xbf" + _PING, UNREADABLE),
        ("UTF-16, little end first", _PING.decode().encode("utf-16-le"), UNREADABLE),
        ("UTF-16, big end first", _PING.decode().encode("utf-16-be"), UNREADABLE),
        ("UTF-16 with its mark", _PING.decode().encode("utf-16"), UNREADABLE),
        ("UTF-32, little end first", _PING.decode().encode("utf-32-le"), UNREADABLE),
        ("UTF-32, big end first", _PING.decode().encode("utf-32-be"), UNREADABLE),
        ("UTF-32 with its mark", _PING.decode().encode("utf-32"), UNREADABLE),
        ("EBCDIC", _PING.decode().encode("cp500"), UNREADABLE),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00", UNREADABLE),
    )
    | _rows(
        "white space",
        _whole,
        ("before", b" \t\r\n" + _PING, REQUEST),
        ("after", _PING + b" \t\r\n", REQUEST),
        ("after, one line feed", _PING + b"\n", REQUEST),
        ("after, carriage return and line feed", _PING + b"\r\n", REQUEST),
        ("after each token", b'{ "jsonrpc" : "2.0" , "id" : 1 , "method" : "a" , "params" : { } }', REQUEST),
        ("tabs", b'{\t"jsonrpc"\t:\t"2.0"\t,\t"method"\t:\t"a"\t}', NOTICE),
        ("line feeds", b'{\n"jsonrpc":\n"2.0",\n"id":\n1,\n"method":\n"a"\n}', REQUEST),
        ("carriage returns", b'{\r"jsonrpc":\r"2.0",\r"id":\r1,\r"method":\r"a"\r}', REQUEST),
        ("in params", b'{"jsonrpc":"2.0","id":1,"method":"a","params":{ "b" : 1 , "c" : [ 2 ] }}', REQUEST),
        ("in arguments only", b'{"jsonrpc":"2.0","method":"a","params":{"b":{ "c":\n1}}}', NOTICE),
        ("in an answer", b'{ "jsonrpc": "2.0", "id": 1, "result": { "a": 1, "b": { } } }', ANSWER),
        ("much of it", b" " * 10_000 + _PING, REQUEST),
    )
)

_BATCHES = _rows(
    "batch",
    _whole,
    ("one", b"[%b]" % _PING, BATCH),
    ("three kinds", b'[%b,%b,{"jsonrpc":"2.0","id":1,"result":{}}]' % (_PING, _NOTE), BATCH),
    ("white space before", b" \t\r\n[%b]" % _PING, BATCH),
    ("over lines", b"[\n%b,\r\n%b\n]\n" % (_PING, _PING), BATCH),
    ("at the bound", b"[" + b",".join([_PING] * 100) + b"]", BATCH),
    ("with something else in it", b"[%b,1,null,[%b]]" % (_PING, _PING), BATCH),
    ("of nothing usable", b"[1]", BATCH),
    ("empty", b"[]", INVALID),
    ("empty, with a space", b"[ ]", INVALID),
    ("beyond the bound", b"[" + b",".join([_PING] * 101) + b"]", INVALID),
    ("huge", b"[" + b",".join([b"1"] * 100_000) + b"]", INVALID),
    ("a comma at its end", b"[%b,]" % _PING, UNREADABLE),
    ("no end", b"[%b" % _PING, UNREADABLE),
    ("broken inside", b'[%b,{"a":]' % _PING, UNREADABLE),
    ("a value too deep", b"[%b]" % _argument(b"[" * DEEP + b"]" * DEEP), UNREADABLE),
)

BOTH = _IDS | _VALUES | _SHAPES | _BATCHES
"""Name to (text, outcome), for clients and workers alike."""

CLIENT = (
    _rows(
        "twice",
        _whole,
        ("the version", b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"a"}', REQUEST),
        ("the id", b'{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}', REQUEST),
        ("the same id", b'{"jsonrpc":"2.0","id":1,"id":1,"method":"a"}', REQUEST),
        ("the method", b'{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}', REQUEST),
        ("the method, one of them empty", b'{"jsonrpc":"2.0","id":1,"method":"","method":"b"}', REQUEST),
        ("the params", b'{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}', REQUEST),
        ("the params, null first", b'{"jsonrpc":"2.0","method":"a","params":null,"params":{}}', NOTICE),
        ("an unknown member", b'{"jsonrpc":"2.0","id":1,"method":"a","b":1,"b":2}', REQUEST),
        ("an unknown empty name", b'{"jsonrpc":"2.0","id":1,"method":"a","":1,"":2}', REQUEST),
        ("the method, with an escape", b'{"jsonrpc":"2.0","id":1,"method":"a","metho\\u0064":"b"}', REQUEST),
        ("the id, with white space", b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "a"}', REQUEST),
        ("the method, over lines", b'{"jsonrpc":"2.0",\n"id":1,"method":"a",\n"method":"b"}', REQUEST),
        ("the result", b'{"jsonrpc":"2.0","id":1,"result":{},"result":{}}', ANSWER),
        ("a member of the result", b'{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}', ANSWER),
        ("the error", b'{"jsonrpc":"2.0","id":1,"error":{"code":1},"error":{"code":2}}', REFUSAL),
    )
    | _rows(
        "params",
        _params,
        ("a name twice", b'{"name":"a","name":"b"}', REQUEST),
        ("the same name and value twice", b'{"name":"a","name":"a"}', REQUEST),
        ("an empty name twice", b'{"":1,"":1}', REQUEST),
        ("arguments twice", b'{"name":"a","arguments":{},"arguments":{"b":1}}', REQUEST),
        ("_meta twice", b'{"_meta":{},"name":"a","_meta":{}}', REQUEST),
        ("a name twice, with white space", b'{ "name": "a", "name": "b" }', REQUEST),
        ("a name beyond ASCII twice", '{"é":1,"é":2}'.encode(), REQUEST),
        ("a name twice, once with an escape", b'{"name":"a","n\\u0061me":"b"}', REQUEST),
        ("an escape in a name", b'{"n\\u0061me":"a"}', REQUEST),
        ("an escaped letter beyond ASCII", b'{"\\u00e9":1}', REQUEST),
        ("an escaped slash in a name", b'{"io.modelcontextprotocol\\/a":1}', REQUEST),
        ("an escaped quote in a name", b'{"a\\"b":1}', REQUEST),
        ("an escaped NUL in a name", b'{"a\\u0000":1}', REQUEST),
        ("a pair of surrogate escapes in a name", b'{"\\ud83d\\ude00":1}', REQUEST),
        ("null", b"null", REQUEST),
    )
    | _rows(
        "method",
        _method,
        ("an escape", b'"tools\\u002fcall"', REQUEST),
        ("an escaped slash", b'"tools\\/call"', REQUEST),
        ("an escaped line end", b'"a\\nb"', REQUEST),
        ("an escaped NUL", b'"a\\u0000"', REQUEST),
    )
    | _rows(
        "envelope",
        _whole,
        ("an escape in the name of the version", b'{"\\u006asonrpc":"2.0","id":1,"method":"a"}', REQUEST),
        ("an escape in the name of the id", b'{"jsonrpc":"2.0","\\u0069d":1,"method":"a"}', REQUEST),
        ("an escape in an unknown name", b'{"jsonrpc":"2.0","id":1,"method":"a","\\u0062":1}', REQUEST),
        ("an escape in a result's member", b'{"jsonrpc":"2.0","id":1,"result":{"\\u0061":1}}', ANSWER),
    )
)
"""Name to (text, outcome from a worker); from a client each is INVALID."""
