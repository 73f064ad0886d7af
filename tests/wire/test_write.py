# -*- test-case-name: tests.wire.test_write -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.write`.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire import write
from mcpd.wire.codec import Reader
from mcpd.wire.message import Piece, Request
from tests.wire.meaning import anything, ids, modest, names, objects, plain_names


class WriteTests(SynchronousTestCase):
    """
    Tests for writing messages.
    """

    @modest
    @given(st.integers(0, 2**63), objects(names))
    def test_request(self, number: int, params: dict[str, Any]) -> None:
        """
        A request for a worker is one line, which says what was asked.
        """
        line = write.request(b"%d" % number, b"tools/call", _pieces(params))
        self.assertEqual(line.count(b"\n"), 1)
        self.assertTrue(line.endswith(b"}\n"))
        whole = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        self.assertEqual(json.loads(line), whole)

    @modest
    @given(ids, objects(names))
    def test_answer(self, id: str | int, members: dict[str, Any]) -> None:
        """
        Answers and notices have no line end in them, and say what was given.
        """
        answer = write.join(write.answer(json.dumps(id).encode(), _pieces(members)))
        self.assertEqual(json.loads(answer), {"jsonrpc": "2.0", "id": id, "result": members})
        notice = write.join(write.notice(b"notifications/message", _pieces(members)))
        whole = {"jsonrpc": "2.0", "method": "notifications/message", "params": members}
        self.assertEqual(json.loads(notice), whole)
        self.assertNotIn(b"\n", answer + notice)

    @modest
    @given(ids, st.integers(-(10**12), 10**12), st.text(), st.none() | anything)
    def test_refusal(self, id: str | int, code: int, message: str, data: Any) -> None:
        """
        A worker's error is passed on with its code, its message and its data.
        """
        raw = None if data is None else json.dumps(data).encode()
        text = write.join(write.refusal(json.dumps(id).encode(), code, message, raw))
        error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.assertEqual(json.loads(text), {"jsonrpc": "2.0", "id": id, "error": error})
        self.assertNotIn(b"\n", text)

    @modest
    @given(ids, st.text(), objects(names))
    def test_error(self, id: str | int, message: str, data: dict[str, Any]) -> None:
        """
        An error of ours says its code and its sentence; data and id are left out where there are none.
        """
        error = {"code": -32600, "message": message} | ({"data": data} if data else {})
        text = write.error(json.dumps(id).encode(), -32600, message, data)
        self.assertEqual(json.loads(text), {"jsonrpc": "2.0", "id": id, "error": error})
        bare = write.error(None, -32600, message, data)
        self.assertEqual(json.loads(bare), {"jsonrpc": "2.0", "error": error})
        self.assertNotIn(b"\n", text + bare)

    @modest
    @given(st.dictionaries(plain_names, anything, min_size=1, max_size=5))
    def test_spliced(self, params: dict[str, Any]) -> None:
        """
        What a client wrote compactly reaches a worker as the same bytes.
        """
        text = json.dumps(params, ensure_ascii=False, separators=(",", ":")).encode()
        message = Reader().read(b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":%b}' % text)
        assert isinstance(message, Request)
        line = write.request(b"5", b"tools/call", message.params.items())
        self.assertEqual(line, b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":%b}\n' % text)

    def test_put(self) -> None:
        """
        An object is written behind what is there already, and may have no members.
        """
        out: list[Piece] = [b"x"]
        write.put(out, [])
        write.put(out, [("a", b"1"), ('"', Raw(b"[]"))])
        self.assertEqual(write.join(out), b'x{}{"a":1,"\\"":[]}')

    def test_names_kept(self) -> None:
        """
        The names that peers make up, long or many, do not fill the memory.
        """
        for number in range(5000):
            for name in (f"{number}", f"{number}" + "a" * 600):
                self.assertEqual(write.notice(b"a", [(name, b"1")])[1], b'{"%b":' % name.encode())
                self.assertEqual(write.notice(b"a", [(name, b"1")])[1], b'{"%b":' % name.encode())
        self.assertLessEqual(len(write._shapes), 2048)
        self.assertLessEqual(max(sum(map(len, names)) for names in write._shapes), 512)
        self.assertLessEqual(max(map(len, write._shapes)), 16)

    def test_long_values(self) -> None:
        """
        A long value of an answer is passed on as the very piece that came, and what is said is the same.
        """
        for size in (8192, 8193):
            value = Raw(b'"%b"' % (b"x" * (size - 2)))
            parts = write.answer(b"1", {"a": value, "b": b"2"})
            whole = {"jsonrpc": "2.0", "id": 1, "result": {"a": "x" * (size - 2), "b": 2}}
            self.assertEqual(json.loads(write.join(parts)), whole)
            self.assertEqual(any(part is value for part in parts), size > 8192)

    def test_encode(self) -> None:
        """
        A value of ours is written as compact JSON.
        """
        self.assertEqual(write.encode({"a": [1, None, "é"]}), '{"a":[1,null,"é"]}'.encode())


def _pieces(members: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [(name, json.dumps(value).encode()) for name, value in members.items()]
