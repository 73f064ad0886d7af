# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Requests that a client with bad manners sends, and what may be answered.

Each case is for a connection of its own.  The table needs no particular
daemon: it is given a Host that is served, a path that takes POST, and fields
that every request gets (credentials, say).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

NOTHING = 0
"""Stands among the statuses for silence: the daemon waits for more, or closes."""

TAKEN = frozenset({200, 202})
"""What answers a request that is odd, but fine."""

_BAD = frozenset({400})
_TOO_LONG = frozenset({431})


@frozen
class Case:
    """
    One case.

    Attributes:
        name: What is wrong with it.
        data: What the client sends.
        statuses: The statuses that may answer it first.
        answers: Most answers that may come; a second one would be to a
            request that was smuggled in.
    """

    name: str
    data: bytes
    statuses: frozenset[int]
    answers: int = 1


@frozen
class Hostile:
    """
    Makes the table.

    Attributes:
        host: A Host that is served.
        path: A path that takes POST, and of other methods no more than GET and DELETE.
        fields: Fields that every request gets, each with its line end.
        body: A body that is fine.
    """

    host: bytes
    path: bytes = b"/mcp"
    fields: bytes = b""
    body: bytes = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'

    def cases(self) -> list[Case]:
        """
        Make all cases; the names are unique.
        """
        groups = (
            self._lines,
            self._versions,
            self._methods,
            self._targets,
            self._hosts,
            self._origins,
            self._field_lines,
            self._bytes,
            self._lengths,
            self._codings,
            self._chunks,
            self._wishes,
            self._amounts,
            self._noise,
            self._cut,
        )
        return [case for group in groups for case in group()]

    def request(self, extra: bytes = b"", body: bytes | None = None, line: bytes = b"") -> bytes:
        """
        Make a request that is fine without ``extra``, its further fields.
        """
        body = self.body if body is None else body
        length = b"Content-Length: %d\r\n" % len(body)
        return self._head(length + extra, line) + body

    def _head(self, extra: bytes, line: bytes = b"") -> bytes:
        line = line or b"POST %b HTTP/1.1" % self.path
        return line + b"\r\nHost: %b\r\n" % self.host + self.fields + extra + b"\r\n"

    def _chunked(self, body: bytes) -> bytes:
        return self._head(b"Transfer-Encoding: chunked\r\n") + body

    def _lines(self) -> Iterator[Case]:
        path = self.path
        for name, line in {
            "nothing but a method": b"POST",
            "no version": b"POST " + path,
            "no target": b"POST HTTP/1.1",
            "two blanks after the method": b"POST  " + path + b" HTTP/1.1",
            "two blanks before the version": b"POST " + path + b"  HTTP/1.1",
            "a blank at the end": b"POST " + path + b" HTTP/1.1 ",
            "a blank at the start": b" POST " + path + b" HTTP/1.1",
            "tabs for blanks": b"POST\t" + path + b"\tHTTP/1.1",
            "four words": b"POST " + path + b" x HTTP/1.1",
            "a colon instead": b"POST: " + path + b" HTTP/1.1",
            "a NUL in it": b"POST " + path + b"\0 HTTP/1.1",
            "a CR in it": b"POST " + path + b"\r HTTP/1.1",
            "a form feed": b"POST " + path + b"\x0c HTTP/1.1",
            "bytes beyond ASCII in the method": b"P\xc3\x96ST " + path + b" HTTP/1.1",
            "a quoted method": b'"POST" ' + path + b" HTTP/1.1",
            "a method in brackets": b"(POST) " + path + b" HTTP/1.1",
            "an answer": b"HTTP/1.1 200 OK",
        }.items():
            yield Case(f"request line: {name}", self.request(line=line), _BAD | {505})
        yield Case("request line: an empty one", b"\r\n\r\n", _BAD)
        yield Case("request line: a bare LF before it", b"\n" + self.request(), _BAD)
        yield Case("request line: one empty line before it", b"\r\n" + self.request(), TAKEN)
        for count in (2, 3, 100, 30000):
            yield Case(f"request line: {count} empty lines before it", b"\r\n" * count + self.request(), _BAD)
        for size in (9000, 60000):
            name = f"request line: a target of {size} bytes"
            yield Case(name, self.request(line=b"POST /" + b"a" * size + b" HTTP/1.1"), _TOO_LONG | {414})
            name = f"request line: {size} bytes without an end"
            yield Case(name, b"POST /" + b"a" * size, _TOO_LONG | {414})

    def _versions(self) -> Iterator[Case]:
        for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/3.7", b"HTTP/2", b"HTTP/9.9"):
            line = b"POST %b %b" % (self.path, version)
            yield Case(f"version: {version.decode()}", self.request(line=line), frozenset({505}))
        for version in (
            b"http/1.1",
            b"HTTP/1.10",
            b"HTTP/01.1",
            b"HTTP/1.",
            b"HTTP/.1",
            b"HTTP/1",
            b"HTTP/1,1",
            b"HTTP/1.1x",
            b"HTTP/1 .1",
            b"HTTP 1.1",
            b"HTTPS/1.1",
            b"HTTP/-1.1",
            b"HTTP/1.\xb9",
            b"ICY/1.1",
            b"RTSP/1.0",
            b"SIP/2.0",
        ):
            line = b"POST %b %b" % (self.path, version)
            name = f"version: {version.decode('latin-1')}"
            yield Case(name, self.request(line=line), _BAD | {505})
        yield Case("version: HTTP/0.9 as it was", b"GET %b\r\n" % self.path, _BAD | {NOTHING})
        yield Case("version: HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", _BAD | {505})

    def _methods(self) -> Iterator[Case]:
        for method in (
            *(
                b"HEAD",
                b"PUT",
                b"PATCH",
                b"TRACE",
                b"OPTIONS",
                b"CONNECT",
                b"PRI",
                b"TRACK",
                b"DEBUG",
            ),
            *(b"PROPFIND", b"MKCOL", b"LOCK", b"SEARCH", b"PURGE", b"LINK", b"SOURCE", b"QUERY", b"M-SEARCH"),
            *(b"BREW", b"post", b"Post", b"POSTT", b"POS", b"X", b"!#$%&'*+-.^_`|~", b"ANNOUNCE", b"PLAY"),
        ):
            name = f"method: {method.decode()}"
            line = b"%b %b HTTP/1.1" % (method, self.path)
            yield Case(name, self._head(b"", line=line), frozenset({404, 405, 501}))
        nowhere = b"GET %b/nowhere HTTP/1.1" % self.path
        yield Case("method: GET of nothing", self._head(b"", line=nowhere), frozenset({404, 405}))
        long = b"A" * 4000
        yield Case(
            "method: a long one", self._head(b"", b"%b %b HTTP/1.1" % (long, self.path)), frozenset({405})
        )

    def _targets(self) -> Iterator[Case]:
        path, host = self.path, self.host
        for target in (
            b"*",
            b"mcp",
            b"?",
            b"#",
            path + b"#x",
            b"http://" + host + path,
            b"http://evil.example.com" + path,
            b"https://" + host + path,
            b"file:///etc/passwd",
            host,
            b"\\mcp",
            path + b"\x7f",
            path + b"\xff",
            path + b"\xc3\xa4",
            path + b"\x01",
        ):
            line = b"POST %b HTTP/1.1" % target
            yield Case(f"target: {target!r}", self.request(line=line), _BAD)
        for target in (
            b"/",
            b"//",
            b"/" + path,
            path + b"/",
            path + b"//",
            path + b"/a/b",
            b"/." + path,
            b"/.." + path,
            b"/a/.." + path,
            path + b"/../..",
            b"/%6dcp",
            b"/m%63p",
            path + b"%00",
            path + b"%2f",
            path + b";x",
            path + b".php",
            path.upper(),
            b"/etc/passwd",
            b"/..%2f..%2fetc/passwd",
            b"/%%",
            b"/%zz",
            b"/http://evil.example.com/",
        ):
            line = b"POST %b HTTP/1.1" % target
            yield Case(f"target: {target!r}", self.request(line=line), frozenset({404, 400}))
        yield Case(
            "target: CONNECT with an authority",
            b"CONNECT evil.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443\r\n\r\n",
            _BAD | {405, 421},
        )

    def _hosts(self) -> Iterator[Case]:
        line = b"POST %b HTTP/1.1\r\n" % self.path
        end = self.fields + b"Content-Length: 0\r\n\r\n"
        host = self.host
        name = host.rpartition(b":")[0] or host
        yield Case("host: none", line + end, _BAD)
        yield Case("host: none in HTTP/1.0", line.replace(b"1.1", b"1.0") + end, _BAD)
        yield Case("host: the same twice", line + b"Host: %b\r\nHost: %b\r\n" % (host, host) + end, _BAD)
        yield Case("host: two", line + b"Host: %b\r\nhOST: evil.example.com\r\n" % host + end, _BAD)
        yield Case("host: two, the good one last", line + b"Host: evil\r\nHost: %b\r\n" % host + end, _BAD)
        yield Case(
            "host: good, in the absence of a blank", line + b"Host:%b\r\n" % host + self._good(), TAKEN
        )
        yield Case("host: good, with blanks", line + b"Host: \t %b \t\r\n" % host + self._good(), TAKEN)
        for value in (
            b"",
            b" ",
            host + b"@evil.example.com",
            b"evil.example.com@" + host,
            b"user:secret@" + host,
            host + b"/",
            b"http://" + host,
            host + b"," + host,
            host + b", evil.example.com",
            host + b" evil.example.com",
            host + b"#",
            host + b"?",
            host + b"\\",
            name + b":",
            name + b":0",
            name + b":65536",
            name + b":99999999999999999999",
            name + b":-1",
            name + b":+80",
            name + b":8_0",
            name + b":0x50",
            name + b":80:80",
            name + b":http",
            name + b": 80",
            b":8420",
            b"localhost.",
            b"localhost..",
            b".localhost",
            b"local..host",
            b"-localhost",
            b"localhost-",
            b"[::1",
            b"::1",
            b"[::1]]",
            b"[::1]x",
            b"[::1%25lo]",
            b"[::1%lo]",
            b"[127.0.0.1]",
            b"[]",
            b"[::g]",
            b"[v1.x]",
            b"local host",
            b"local%68ost",
            b"l\xc3\xb6calhost",
            b"\xff",
            b"a" * 64 + b".example.com",
            b"a." * 200 + b"com",
            b"*",
            b"null",
        ):
            statuses = _BAD | {421} if value in (b"null",) else _BAD
            yield Case(f"host: {value[:80]!r}", line + b"Host: %b\r\n" % value + end, statuses)
        for value in (
            b"evil.example.com",
            b"evil.example.com:8420",
            b"localhost.evil.example.com",
            b"127.0.0.1.evil.example.com",
            b"evil-localhost",
            b"localhostevil",
            b"127.0.0.2",
            b"127.1",
            b"2130706433",
            b"0x7f000001",
            b"0177.0.0.1",
            b"0.0.0.0",
            b"[::]",
            b"[::ffff:127.0.0.1]",
            b"[fe80::1]",
            b"169.254.169.254",
            b"xn--lcalhost-n4a",
        ):
            yield Case(f"host: {value!r}", line + b"Host: %b\r\n" % value + end, frozenset({421}))

    def _good(self) -> bytes:
        return self.fields + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body

    def _origins(self) -> Iterator[Case]:
        host = self.host
        for value in (
            b"",
            b"null",
            b"NULL",
            b"*",
            b"http://evil.example.com",
            b"https://evil.example.com",
            b"http://evil.example.com:8420",
            b"https://" + host,
            b"ws://" + host,
            b"http://" + host + b"/",
            b"http://" + host + b"/index.html",
            b"http://" + host + b"?x",
            b"http://" + host + b"#x",
            b"http://" + host + b".evil.example.com",
            b"http://" + host + b"@evil.example.com",
            b"http://user@" + host,
            b"http://" + host + b" http://evil.example.com",
            b"http://" + host + b", http://evil.example.com",
            b"http://" + host + b",http://" + host,
            b"http:" + host,
            b"http:/" + host,
            b"http:///" + host,
            b"//" + host,
            host,
            b"://" + host,
            b"1http://" + host,
            b"ht tp://" + host,
            b"http://localhost",
            b"http://localhost:1",
            b"http://localhost.:8420",
            b"http://[::1",
            b"http://[::1]:1",
            b"http://",
            b"file://",
            b"data:text/html,x",
            b"about:blank",
            b"moz-extension://b9a3c2",
            b"http://\xff",
            b"http://127.0.0.1\\@evil.example.com",
        ):
            name = f"origin: {value!r}"
            yield Case(name, self.request(b"Origin: %b\r\n" % value), frozenset({403}))
        own = b"Origin: http://%b\r\n" % host
        yield Case("origin: our own", self.request(own), TAKEN)
        yield Case("origin: our own twice", self.request(own + own), frozenset({403}))
        evil = b"Origin: http://evil.example.com\r\n"
        yield Case("origin: our own and another", self.request(own + evil), frozenset({403}))
        for method in (b"GET", b"OPTIONS", b"DELETE", b"HEAD", b"PUT", b"BREW"):
            name = f"origin: a foreign one with {method.decode()}"
            line = b"%b %b HTTP/1.1" % (method, self.path)
            yield Case(name, self._head(evil, line), frozenset({403}))
        name = "origin: a foreign one for a path that is not there"
        yield Case(name, self._head(evil, b"GET /nothing HTTP/1.1"), frozenset({403}))

    def _field_lines(self) -> Iterator[Case]:
        for name, line in {
            "no colon": b"X-A\r\n",
            "no name": b": a\r\n",
            "nothing but a colon": b":\r\n",
            "a blank before the colon": b"X-A : a\r\n",
            "a tab before the colon": b"X-A\t: a\r\n",
            "a blank in the name": b"X A: a\r\n",
            "a folded value": b"X-A: a\r\n b\r\n",
            "a value folded with a tab": b"X-A: a\r\n\tb\r\n",
            "a folded empty value": b"X-A:\r\n b\r\n",
            "a line of blanks": b"X-A: a\r\n \r\n",
            "a bare LF": b"X-A: a\nX-B: b\r\n",
            "a bare CR": b"X-A: a\rX-B: b\r\n",
            "a CR before the line end": b"X-A: a\r\r\n",
            "a LF before the line end": b"X-A: a\n\r\n",
            "an early end with bare LFs": b"X-A: a\n\nPOST /mcp HTTP/1.1\r\n",
            "quotes in the name": b'"X-A": a\r\n',
            "brackets in the name": b"X(A): a\r\n",
            "a slash in the name": b"X/A: a\r\n",
            "an at sign in the name": b"X@A: a\r\n",
            "bytes beyond ASCII in the name": b"X-\xc3\xa4: a\r\n",
        }.items():
            yield Case(f"field: {name}", self.request(line), _BAD)
        start = b"POST %b HTTP/1.1\r\n" % self.path
        rest = b"Host: %b\r\n" % self.host + self.fields + b"Content-Length: 0\r\n\r\n"
        yield Case("field: a blank before the first", start + b" X: a\r\n" + rest, _BAD)
        yield Case("field: a folded first one", start + b"\tHost: a\r\n" + rest, _BAD)
        yield Case("field: bare LFs everywhere", self.request().replace(b"\r\n", b"\n"), _BAD)
        yield Case("field: bare CRs everywhere", self.request().replace(b"\r\n", b"\r"), _BAD | {NOTHING})
        yield Case("field: an empty value", self.request(b"X-A:\r\n"), TAKEN)
        yield Case("field: bytes beyond ASCII in a value", self.request(b"X-A: \xc3\xa4\xff\r\n"), TAKEN)
        yield Case("field: every sign of a token", self.request(b"!#$%&'*+-.^_`|~09aZ: a\r\n"), TAKEN)

    def _bytes(self) -> Iterator[Case]:
        for byte in (*range(9), 11, 12, *range(14, 32), 127):
            value = b"X-A: a%bb\r\n" % bytes([byte])
            yield Case(f"field: the byte {byte:#04x} in a value", self.request(value), _BAD)
        for byte in (*range(33), *b'"(),/:;<=>?@[\\]{}', 127, 128, 255):
            if bytes([byte]) in b":":
                continue
            name = b"X%bA: a\r\n" % bytes([byte])
            yield Case(f"field: the byte {byte:#04x} in a name", self.request(name), _BAD)

    def _lengths(self) -> Iterator[Case]:
        size = b"%d" % len(self.body)
        for value in (
            b"",
            b"-1",
            b"+" + size,
            b"-" + size,
            size + b"," + size,
            size + b", " + size,
            size + b" " + size,
            size + b";",
            size + b".0",
            b"0x10",
            b"1e2",
            b"1_0",
            b"ten",
            b"\xb2",
            b"\xd9\xa1",
            b'"' + size + b'"',
            b"9" * 20,
            b"18446744073709551616",
            b"18446744073709551615",
            b"9" * 5000,
            b"NaN",
        ):
            name = f"length: {value[:40]!r}"
            yield Case(name, self._head(b"Content-Length: %b\r\n" % value) + self.body, _BAD | {413})
        for digits in (b"9223372036854775807", b"9" * 19, b"99999999999"):
            name = f"length: {digits.decode()}"
            yield Case(name, self._head(b"Content-Length: %b\r\n" % digits), frozenset({413}))
        line = b"Content-Length: %b\r\n" % size
        yield Case("length: twice", self._head(line + line) + self.body, _BAD)
        yield Case("length: two", self._head(line + b"content-length: 0\r\n") + self.body, _BAD)
        yield Case(
            "length: nought and more", self._head(b"Content-Length: 000%b\r\n" % size) + self.body, TAKEN
        )
        yield Case("length: blanks", self._head(b"Content-Length: \t%b \r\n" % size) + self.body, TAKEN)
        yield Case(
            "length: more than comes", self._head(b"Content-Length: 99\r\n") + self.body, frozenset({NOTHING})
        )

    def _codings(self) -> Iterator[Case]:
        chunks = b"0\r\n\r\n"
        for value in (
            b"",
            b"identity",
            b"gzip",
            b"deflate",
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked, chunked",
            b"chunked,",
            b",chunked",
            b"identity, chunked",
            b"chunked, identity",
            b"xchunked",
            b"chunkedx",
            b"x-chunked",
            b"chunked;q=1",
            b"chunked ;",
            b'"chunked"',
            b"chun ked",
            b"\x0bchunked",
            b"chunked\x00",
            b"trailers",
        ):
            name = f"coding: {value!r}"
            yield Case(name, self._head(b"Transfer-Encoding: %b\r\n" % value) + chunks, _BAD | {501})
        one = b"Transfer-Encoding: chunked\r\n"
        length = b"Content-Length: 5\r\n"
        smuggled = self.request()
        for name, fields in {
            "chunked twice": one + one,
            "identity and chunked": b"Transfer-Encoding: identity\r\n" + one,
            "chunked and identity": one + b"Transfer-Encoding: identity\r\n",
            "a length before it": length + one,
            "a length after it": one + length,
            "a length of nought": b"Content-Length: 0\r\n" + one,
            "a folded one": b"Transfer-Encoding:\r\n chunked\r\n",
            "a blank before its colon": b"Transfer-Encoding : chunked\r\n",
            "a length behind a tab": one + b"Content-Length\t: 5\r\n",
        }.items():
            yield Case(f"coding: {name}", self._head(fields) + chunks + smuggled, _BAD)
        line = b"POST %b HTTP/1.0" % self.path
        yield Case("coding: chunked in HTTP/1.0", self._head(one, line) + chunks, _BAD)
        yield Case(
            "coding: CHUNKED", self._head(b"transfer-ENCODING: CHUNKED\r\n") + self._as_chunks(), TAKEN
        )
        spoilt = self._head(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n") + chunks + b"G"
        yield Case("coding: a request of two readings", spoilt, _BAD)

    def _as_chunks(self) -> bytes:
        return b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.body), self.body)

    def _chunks(self) -> Iterator[Case]:
        size, body = b"%x" % len(self.body), self.body
        for name, data in {
            "no size": b"\r\n" + body,
            "a negative size": b"-1\r\n" + body,
            "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
            "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
            "an underscore": b"1_0\r\nhello\r\n0\r\n\r\n",
            "a letter": b"g\r\n",
            "a blank before it": b" 5\r\nhello\r\n0\r\n\r\n",
            "a blank after it": b"5 \r\nhello\r\n0\r\n\r\n",
            "a comma": b"5,5\r\nhello\r\n0\r\n\r\n",
            "nine digits": b"000000005\r\nhello\r\n0\r\n\r\n",
            "seventeen digits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
            "a long row of digits": b"0" * 5000 + b"5\r\n",
            "a bare LF after it": b"5\nhello\r\n0\r\n\r\n",
            "a bare CR after it": b"5\rhello\r\n0\r\n\r\n",
            "a bare LF after the content": b"5\r\nhello\n0\r\n\r\n",
            "more content than said": b"4\r\nhello\r\n0\r\n\r\n",
            "less content than said": b"6\r\nhello\r\n0\r\n\r\n",
            "nothing after the content": b"5\r\nhello0\r\n\r\n",
            "bytes beyond ASCII": b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
            "a NUL": b"\x00\r\n",
            "a NUL in an extension": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
            "a bare CR in an extension": b"5;a=\rb\r\nhello\r\n0\r\n\r\n",
            "a bare LF in an extension": b"5;a\n\r\nhello\r\n0\r\n\r\n",
            "a long extension": b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
            "an endless extension": b"5;" + b"a" * 60000,
            "many extensions": b"1;" + b"a" * 200 + b"\r\nx\r\n" + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 100,
            "a trailer without a colon": b"0\r\nX\r\n\r\n",
            "a folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
            "a trailer without a name": b"0\r\n: a\r\n\r\n",
            "a bare LF after a trailer": b"0\r\nX: a\n\r\n",
            "a bare LF at the end": b"0\r\n\n",
            "a long trailer": b"0\r\nX: " + b"a" * 1000 + b"\r\n\r\n",
            "many trailers": b"0\r\n" + b"X: a\r\n" * 5000 + b"\r\n",
            "a request for a trailer": b"0\r\n" + self.request(),
        }.items():
            yield Case(f"chunk: {name}", self._chunked(data), _BAD)
        for name, data in {
            "a small one": self._as_chunks(),
            "upper case": b"%X\r\n%b\r\n0\r\n\r\n" % (len(body), body),
            "zeros before it": b"0000%b\r\n%b\r\n0000\r\n\r\n" % (size.rjust(4, b"0"), body),
            "an extension": b"%b;a=b\r\n%b\r\n0;c\r\n\r\n" % (size, body),
            "a blank before an extension": b"%b ;a\r\n%b\r\n0\r\n\r\n" % (size, body),
            "trailers": b"%b\r\n%b\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n" % (size, body),
            "one byte each": b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n",
        }.items():
            yield Case(f"chunk: {name}", self._chunked(data), TAKEN)
        yield Case("chunk: a size beyond the limit", self._chunked(b"fffffff\r\n"), frozenset({413}))
        yield Case("chunk: the greatest size", self._chunked(b"ffffffff\r\n"), frozenset({413}))
        sneaky = b"1\r\na\r\n" * 10 + b"7fffffff\r\n"
        yield Case("chunk: a size beyond the limit, later", self._chunked(sneaky), frozenset({413}))
        yield Case("chunk: no end", self._chunked(b"5\r\nhello\r\n"), frozenset({NOTHING}))
        yield Case("chunk: no last line", self._chunked(b"5\r\nhello\r\n0\r\n"), frozenset({NOTHING}))

    def _wishes(self) -> Iterator[Case]:
        for value in (b"200-ok", b"100-continue, x", b"", b"100", b"100-continue;q=1", b"101-switch"):
            name = f"expectation: {value!r}"
            yield Case(name, self.request(b"Expect: %b\r\n" % value), frozenset({417}))
        twice = b"Expect: 100-continue\r\n" * 2
        yield Case("expectation: twice", self.request(twice), frozenset({417}))
        yield Case("expectation: met", self.request(b"Expect: 100-Continue\r\n"), TAKEN)
        for value in (b"gzip", b"br", b"zstd", b"deflate", b"identity, gzip", b"", b"aes128gcm", b"x"):
            name = f"encoding: {value!r}"
            yield Case(name, self.request(b"Content-Encoding: %b\r\n" % value), frozenset({415}))
        yield Case("encoding: identity", self.request(b"Content-Encoding: Identity\r\n"), TAKEN)
        for value in (b"h2c", b"h2c, websocket", b"TLS/1.2", b"websocket", b"HTTP/2.0", b"x", b""):
            fields = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAAA\r\n" % value
            yield Case(f"upgrade: {value!r}", self.request(fields), TAKEN)
        fields = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        line = b"GET %b/nowhere HTTP/1.1" % self.path
        name = "upgrade: a GET where no WebSocket is"
        yield Case(name, self._head(fields, line), frozenset({400, 404, 405, 426}))
        yield Case("connection: it names Host", self.request(b"Connection: close, Host\r\n"), TAKEN)
        yield Case("connection: nonsense", self.request(b"Connection: ,,\t, =, close\r\n"), TAKEN)
        yield Case("connection: close", self.request(b"Connection: CLOSE\r\n") + self.request(), TAKEN)

    def _amounts(self) -> Iterator[Case]:
        yield Case("amount: 1000 fields", self.request(b"X-A: a\r\n" * 1000), _TOO_LONG)
        yield Case("amount: 101 fields", self.request(b"X-A: a\r\n" * 101), _TOO_LONG)
        yield Case(
            "amount: a field of 40000 bytes", self.request(b"X-A: " + b"a" * 40000 + b"\r\n"), _TOO_LONG
        )
        yield Case("amount: a name of 40000 bytes", self.request(b"X" * 40000 + b": a\r\n"), _TOO_LONG)
        start = b"POST %b HTTP/1.1\r\nHost: %b\r\n" % (self.path, self.host)
        yield Case("amount: endless fields", start + b"X-A: a\r\n" * 20000, _TOO_LONG)
        yield Case("amount: an endless field", start + b"X-A: " + b"a" * 200000, _TOO_LONG)
        yield Case(
            "amount: a cookie of 31000 bytes", self.request(b"Cookie: " + b"a" * 31000 + b"\r\n"), TAKEN
        )
        yield Case("amount: half a head", start, frozenset({NOTHING}))
        yield Case("amount: a head but for its last byte", self._head(b"")[:-1], frozenset({NOTHING}))

    def _noise(self) -> Iterator[Case]:
        for name, data in {
            "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
            "an SSH banner": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
            "SMTP": b"EHLO evil.example.com\r\nMAIL FROM:<a@example.com>\r\n\r\n",
            "an SMB header": b"\x00\x00\x00\x85\xffSMB" + bytes(50),
            "a SOCKS greeting": b"\x05\x01\x00",
            "a PROXY line": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + self.request(),
            "a PROXY 2 header": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
            "a WebSocket frame": b"\x81\x85\x00\x00\x00\x00hello",
            "JSON": self.body + b"\r\n\r\n",
            "NULs": bytes(1000),
            "0xff": b"\xff" * 1000,
            "UTF-16": self.request().decode("ascii", "replace").encode("utf-16-le"),
            "a byte order mark": b"\xef\xbb\xbf" + self.request(),
            "Redis": b"*1\r\n$4\r\nPING\r\n\r\n",
            "memcached": b"get a\r\nstats\r\n\r\n",
            "RTSP": b"OPTIONS rtsp://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "an empty object of fields": b"\r\n: \r\n\r\n",
        }.items():
            yield Case(f"noise: {name}", data, _BAD | {505})

    def _cut(self) -> Iterator[Case]:
        # Ends at odd places: nothing is answered, nothing is broken.
        whole = self.request(b"X-A: a\r\n")
        for size in (1, 3, 4, 5, 12, 13, 14, 15, 16, len(whole) - len(self.body) - 3, len(whole) - 1):
            yield Case(f"cut: after {size} bytes", whole[:size], frozenset({NOTHING}))
