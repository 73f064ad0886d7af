# -*- test-case-name: tests.wire.test_codec -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.codec`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect
from typing import Any

from attrs import Factory, frozen
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire import codec
from mcpd.wire.breadth import MEMBERS, SHARE
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Batch, Message, Notice, Refusal, Request
from tests.wire import hostile
from tests.wire.meaning import meant, messages, modest, names, plain_names, values
from tests.wire.test_breadth import members

CLIENT, WORKER = Reader(), Reader(strict=False)

CALL = (
    '{"jsonrpc":"2.0","id":"é1","method":"tools/call",'
    '"params":{"name":"echo","arguments":{"n":[1,2.5,true,null,"\\u00e9"]},"_meta":{"progressToken":7}}}'
).encode()

ANSWER = b'{"jsonrpc":"2.0","id":-12,"result":{"content":[{"type":"text","text":"x"}],"isError":false}}'


@frozen
class Counting(Reader):
    """
    A reader that notes how long the texts are that it reads.
    """

    lengths: list[int] = Factory(list)

    def read(self, data: bytes) -> Message | Batch:
        """
        Note it, and read.
        """
        self.lengths.append(len(data))
        return super().read(data)


def outcome(reader: Reader, data: bytes) -> str:
    """
    Say what becomes of a text, in the words of :mod:`tests.wire.hostile`.
    """
    try:
        return type(reader.read(data)).__name__.lower()
    except Fault as fault:
        return fault.kind.name


class HostileTests(SynchronousTestCase):
    """
    Tests for texts that a peer may send to hurt.
    """

    def test_everyone(self) -> None:
        """
        Each text of the table becomes what the table says, whoever sent it.
        """
        expected = {name: row[1] for name, row in hostile.BOTH.items()}
        for reader in (CLIENT, WORKER):
            seen = {name: outcome(reader, row[0]) for name, row in hostile.BOTH.items()}
            mended = {name for name in seen if seen[name] != expected[name]}
            halves = {name for name, row in hostile.BOTH.items() if re.search(rb"\\u[dD][89c-fC-F]", row[0])}
            self.assertEqual(mended - halves, set())
            self.assertEqual(mended if reader is CLIENT else set(), set())

    def test_halves_of_pairs(self) -> None:
        """
        Half of a surrogate pair is refused from a client, and in what a worker says it is replaced.
        """
        for text, seen in (
            (rb"\ud83d", rb"\ufffd"),
            (rb"\uDE00x", rb"\ufffdx"),
            (rb"\ud83d\ud83d\ude00", rb"\ufffd\ud83d\ude00"),
            (rb"\\ud83d\ud83d", rb"\\ud83d\ufffd"),
            (rb"\n\ud83dab", rb"\n\ufffdab"),
        ):
            line = b'{"jsonrpc":"2.0","id":1,"result":{"a":"%b"}}' % text
            self.assertEqual(outcome(CLIENT, line), "UNREADABLE")
            answer = WORKER.read(line)
            assert isinstance(answer, Answer)
            self.assertEqual(bytes(answer.result["a"]), b'"%b"' % seen)

    def test_clients(self) -> None:
        """
        What two readers could understand differently is refused from a client.
        """
        seen = {name: outcome(CLIENT, row[0]) for name, row in hostile.CLIENT.items()}
        self.assertEqual(seen, dict.fromkeys(hostile.CLIENT, "INVALID"))

    def test_workers(self) -> None:
        """
        A worker, who is read by nobody but us, is forgiven an escape or a member that stands twice.
        """
        seen = {name: outcome(WORKER, row[0]) for name, row in hostile.CLIENT.items()}
        self.assertEqual(seen, {name: row[1] for name, row in hostile.CLIENT.items()})

    def test_values(self) -> None:
        """
        Whatever of the table is read says the same as to any other reader of JSON.
        """
        for name, (text, expected) in hostile.BOTH.items():
            if expected not in (hostile.UNREADABLE, hostile.INVALID):
                self.assertEqual(values(CLIENT.read(text)), meant(text), name)

    def test_cut_short(self) -> None:
        """
        A message that ends too early is unreadable, wherever it was cut.
        """
        for text in (CALL, ANSWER, b"[%b,%b]" % (CALL, ANSWER), CALL.replace(b",", b"\n, ")):
            for reader in (CLIENT, WORKER):
                cut = {outcome(reader, text[:end]) for end in range(len(text))}
                self.assertEqual(cut, {"UNREADABLE"})

    def test_every_depth(self) -> None:
        """
        There is no depth at which something else than a message or a fault comes out.
        """
        texts = (
            b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":%b}}',
            b'{"jsonrpc": "2.0","id":1,"method":"a","params":{"b":%b}}',
            b'{"jsonrpc":"2.0","id":1,"method":"a","b":%b}',
            b'{"jsonrpc":"2.0","id":1,"result":{"a":\n%b}}',
            b'[{"jsonrpc":"2.0","id":1,"method":"a","b":%b}]',
        )
        for text in texts:
            edge = bisect(range(200_000), 0, key=lambda depth: _nested(text, depth) == "UNREADABLE")
            self.assertGreater(edge, 100)
            seen = {_nested(text, depth) for depth in range(edge - 30, edge + 30)}
            self.assertEqual(len(seen), 2, seen)
            self.assertIn("UNREADABLE", seen)

    @modest
    @given(st.binary(max_size=64))
    def test_noise(self, noise: bytes) -> None:
        """
        Random bytes are refused with a fault, and never break anything.
        """
        for text in (noise, b"{" + noise, b"[" + noise + b"]", b'{"jsonrpc":"2.0","id":' + noise + b"}"):
            self.assertIn(outcome(CLIENT, text), ("UNREADABLE", "INVALID", "batch"))
            self.assertIn(outcome(WORKER, text), ("UNREADABLE", "INVALID", "batch"))
            codec.salvage_id(text)
            codec.members(text)
            codec.pieces(text)
            codec.text(text)

    @modest
    @given(st.data())
    def test_damage(self, data: st.DataObject) -> None:
        """
        A message with bytes changed is read as valid JSON or refused, and what is read is one line of UTF-8.
        """
        text = bytearray(data.draw(st.sampled_from([CALL, ANSWER, b"[%b, %b]" % (CALL, ANSWER)])))
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(text) - 1))
            text[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        for reader in (CLIENT, WORKER):
            try:
                message = reader.read(bytes(text))
            except Fault:
                continue
            if not isinstance(message, Batch):
                self.assertEqual(values(message), meant(bytes(text)), text)
            for raw in _raws(message):
                self.assertEqual(raw.count(b"\n") + raw.count(b"\r"), 0)
                raw.decode("utf-8")


def _nested(text: bytes, depth: int) -> str:
    return outcome(CLIENT, text % (b"[" * depth + b"]" * depth))


def _raws(message: Message | Batch | Fault) -> list[bytes]:
    match message:
        case Request(_, _, members) | Notice(_, members) | Answer(_, members):
            return [bytes(value) for value in members.values()]
        case Batch(items):
            return [raw for item in items for raw in _raws(item)]
        case _:
            return []


class ReaderTests(SynchronousTestCase):
    """
    Tests for reading messages.
    """

    @modest
    @given(messages(names, names), st.booleans(), st.sampled_from([None, 0, 2]))
    def test_worker(self, whole: dict[str, Any], ascii: bool, indent: int | None) -> None:
        """
        What any library of JSON writes for a worker is read as it was meant.
        """
        text = json.dumps(whole, ensure_ascii=ascii, indent=indent).encode()
        self.assertEqual(values(WORKER.read(text)), meant(text))

    @modest
    @given(
        messages(plain_names, plain_names),
        st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : "), ("\r\n,", ":\n")]),
        st.sampled_from(["", " ", "\n"]),
    )
    def test_client(self, whole: dict[str, Any], separators: tuple[str, str], around: str) -> None:
        """
        What any library of JSON writes for a client is read as it was meant, compact or spaced.
        """
        text = (around + json.dumps(whole, ensure_ascii=False, separators=separators) + around).encode()
        self.assertEqual(values(CLIENT.read(text)), meant(text))

    @modest
    @given(st.data())
    def test_members_twice(self, data: st.DataObject) -> None:
        """
        A client is refused if a name of its envelope or params stands twice or has an escape, and only then.
        """
        envelope = [("jsonrpc", '"2.0"'), ("id", "1"), ("method", '"a"')]
        more = st.tuples(st.sampled_from(["id", "x", "é", "yy", ""]), st.sampled_from(["1", '"a"']))
        envelope += data.draw(st.lists(more, max_size=2))
        inner = st.tuples(
            st.sampled_from(["name", "é", "x", "😀", ""]), st.sampled_from(["1", '{"a":1,"a":2}'])
        )
        envelope += [
            ("params", _object(data, params, "") if data.draw(st.booleans()) else _object(data, params, " "))
            for params in data.draw(st.lists(st.lists(inner, max_size=4), max_size=2))
        ]
        space = data.draw(st.sampled_from(["", "", " ", "\t", "\r\n"]))
        text = _object(data, data.draw(st.permutations(envelope)), space)
        self.assertEqual(outcome(CLIENT, text.encode()), "INVALID" if _ambiguous(text) else "request", text)
        self.assertEqual(values(WORKER.read(text.encode())), meant(text.encode()))

    def test_arguments_untouched(self) -> None:
        """
        Arguments pass as the bytes that came: numbers keep their digits, strings their escapes.
        """
        arguments = b'{"n":1.000,"big":' + b"9" * 5000 + b',"s":"\\u00e9\\/","b":1,"b":2,"t": [ 1 ]}'
        text = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":%b}}'
        message = CLIENT.read(text % arguments)
        assert isinstance(message, Request)
        self.assertEqual(bytes(message.params["arguments"]), arguments)

    def test_lines_taken_out(self) -> None:
        """
        Arguments that came over several lines pass as one, so that no text can forge a line for a worker.
        """
        for end in (b"\n", b"\r", b"\r\n"):
            text = b'{"jsonrpc":"2.0", "id":1,"method":"a","params":{"b":{ "c" : ["d\\n" , 1.00]}}} '
            message = CLIENT.read(text.replace(b" ", end))
            assert isinstance(message, Request)
            self.assertEqual(bytes(message.params["b"]), b'{"c":["d\\n",1.00]}')

    def test_id_kept(self) -> None:
        """
        An id keeps its kind and its text: 1 is not "1".
        """
        for id in (b"1", b'"1"', b"-0", b'"\\u0061"', b'"a\\"b"', b"9" * 100):
            message = CLIENT.read(b'{"jsonrpc":"2.0","id": %b ,"method":"a"}' % id)
            assert isinstance(message, Request)
            self.assertEqual(message.id, id)

    def test_refusal_without_id(self) -> None:
        """
        An error for a request that the peer could not read has no id.
        """
        for id in (b"", b'"id":null,'):
            message = WORKER.read(b'{"jsonrpc":"2.0",%b"error":{"code":-32700,"message":"?"}}' % id)
            assert isinstance(message, Refusal)
            self.assertEqual((message.id, message.code, message.message), (b"", -32700, "?"))
            self.assertIsNone(message.data)

    def test_refusal_data(self) -> None:
        """
        An error's data passes as the bytes that came.
        """
        message = WORKER.read(b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":{"a":1.0}}}')
        assert isinstance(message, Refusal)
        self.assertEqual(bytes(message.data or b""), b'{"a":1.0}')

    def test_bounds(self) -> None:
        """
        The bounds on ids, methods and batches are those that were configured.
        """
        small = Reader(id=3, method=4, batch=2)
        ping = b'{"jsonrpc":"2.0","id":%b,"method":"%b"}'
        self.assertEqual(outcome(small, ping % (b"123", b"ping")), "request")
        self.assertEqual(outcome(small, ping % (b"1234", b"ping")), "INVALID")
        self.assertEqual(outcome(small, ping % (b"123", b"pings")), "INVALID")
        self.assertEqual(outcome(small, b"[" + b",".join([ping % (b"1", b"a")] * 2) + b"]"), "batch")
        self.assertEqual(outcome(small, b"[" + b",".join([ping % (b"1", b"a")] * 3) + b"]"), "INVALID")

    def test_members(self) -> None:
        """
        A message with more members than any has is refused before they are read, whoever sent it.
        """
        for reader in (CLIENT, WORKER):
            for text, kind in (
                (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{%b}}', "request"),
                (b'{"jsonrpc":"2.0","id":1,"result":{%b}}', "answer"),
                (b'{"jsonrpc":"2.0","method":"a",%b}', "notice"),
            ):
                room = MEMBERS - 2 if kind == "notice" else MEMBERS
                self.assertEqual(outcome(reader, text % members(room)), kind)
                self.assertEqual(outcome(reader, text % members(room + 1)), "INVALID")
                self.assertEqual(outcome(reader, (text % members(room + 1))[:-1] + b","), "INVALID")

    def test_members_in_batch(self) -> None:
        """
        Messages of a batch have room for fewer, and one that has too many does not spoil the others.
        """
        text = b'{"jsonrpc":"2.0","id":1,"method":"a","params":{%b}}'
        batch = CLIENT.read(b"[%b,%b]" % (text % members(SHARE), text % members(SHARE + 1)))
        assert isinstance(batch, Batch)
        good, bad = batch.items
        assert isinstance(bad, Fault)
        self.assertEqual((type(good), bad.kind), (Request, Kind.INVALID))

    def test_long_batch(self) -> None:
        """
        A batch is not read beyond its first message too many.
        """
        self.assertEqual(outcome(CLIENT, b"[" + b"1," * 101), "INVALID")
        self.assertEqual(outcome(CLIENT, b"[" + b"1," * 100), "UNREADABLE")

    def test_usual(self) -> None:
        """
        An answer of the usual form is left to the reader if it has too many members.
        """
        text = b'{"jsonrpc":"2.0","id":1,"result":{%b}}'
        self.assertIsNotNone(codec.read_usual(text % members(MEMBERS)))
        self.assertIsNone(codec.read_usual(text % members(MEMBERS + 1)))

    def test_frozen(self) -> None:
        """
        A message does not change under those who share it, and is nobody else's.
        """
        for text, name in ((CALL, "params"), (ANSWER, "result")):
            message = CLIENT.read(text)
            self.assertRaises(AttributeError, setattr, message, name, {})
            self.assertNotEqual(message, CLIENT.read(text))
            self.assertEqual(len({message, message}), 1)

    def test_deep_batch(self) -> None:
        """
        Batches in batches are not looked into, so that a deep one costs no more than a flat one.
        """
        reader = Counting()
        batch = reader.read(b"[" * 200 + b"1" + b"]" * 200)
        assert isinstance(batch, Batch)
        (fault,) = batch.items
        assert isinstance(fault, Fault)
        self.assertEqual((fault.kind, len(reader.lengths)), (Kind.INVALID, 1))

    def test_batch(self) -> None:
        """
        One message of a batch that can't be used does not spoil the others.
        """
        twice = CALL.replace(b'"name":"echo"', b'"name":"a","name":"b"')
        batch = CLIENT.read(b"[%b,7,[],%b,%b]" % (CALL, twice, ANSWER))
        assert isinstance(batch, Batch)
        kinds = [item.kind if isinstance(item, Fault) else type(item) for item in batch.items]
        self.assertEqual(kinds, [Request, Kind.INVALID, Kind.INVALID, Kind.INVALID, Answer])

    def test_sentences(self) -> None:
        """
        A refusal never quotes what the peer sent.
        """
        for name, (text, expected) in (hostile.BOTH | hostile.CLIENT).items():
            try:
                CLIENT.read(text.replace(b"echo", b"hush"))
            except Fault as fault:
                self.assertNotIn("hush", fault.text, name)
                self.assertIs(fault.__cause__, None)
                self.assertTrue(fault.__suppress_context__ or fault.__context__ is None, expected)


def _object(data: st.DataObject, members: list[tuple[str, str]], space: str) -> str:
    """
    Write an object of these members, now and then with an escape in a name.
    """
    written = []
    for name, value in members:
        quoted = json.dumps(name, ensure_ascii=False)
        if name and data.draw(st.integers(0, 15)) == 0:
            quoted = f'"\\u{ord(name[0]):04x}{name[1:]}"' if ord(name[0]) < 0x10000 else json.dumps(name)
        written.append(f"{space}{quoted}{space}:{space}{value}{space}")
    return "{" + ",".join(written) + "}"


def _ambiguous(text: str) -> bool:
    """
    Say whether another reader might understand the text differently, by the standard library's hook.
    """
    whole: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=list)
    levels = [whole, *(value for name, value in whole if name == "params")]
    twice = any(len({name for name, _ in level}) < len(level) for level in levels)
    return twice or "\\" in text


class SalvageTests(SynchronousTestCase):
    """
    Tests for the id of a text that is no message.
    """

    def test_found(self) -> None:
        """
        A message that is refused can still be answered under its id.
        """
        for id in (b"1", b'"a"', b'"\\u0061"', b"-5"):
            self.assertEqual(codec.salvage_id(b'{"id":%b,"method":5,"params":[]}' % id), id)
            self.assertEqual(codec.salvage_id(b'{"id":%b,"params":{%b}}' % (id, members(MEMBERS + 1))), id)

    def test_not_found(self) -> None:
        """
        What is no id is never sent back.
        """
        ids = (b"null", b"1.5", b"true", b"{}", b'"\xff"', b'"\n"', b'"' + b"a" * 127 + b'"', b"[" * 100_000)
        for id in ids:
            self.assertIsNone(codec.salvage_id(b'{"id":%b}' % id), id[:20])
        broad = b'{"id":1,%b}' % members(MEMBERS)
        for text in (b"", b"{}", b"[]", b"\xff", b'{"id":1', b'[{"id":1}]', broad):
            self.assertIsNone(codec.salvage_id(text), text)


class PieceTests(SynchronousTestCase):
    """
    Tests for reading a part of a message.
    """

    def test_right_kind(self) -> None:
        """
        An object gives its members, an array its items, a string its text.
        """
        members = codec.members(b'{"a": {"b":1.0}, "c":[]}') or {}
        self.assertEqual({name: bytes(raw) for name, raw in members.items()}, {"a": b'{"b":1.0}', "c": b"[]"})
        self.assertEqual([bytes(raw) for raw in codec.pieces(Raw(b'[1.0, "a"]')) or []], [b"1.0", b'"a"'])
        self.assertEqual(codec.text(Raw(b'"a\\u00e9"')), "aé")

    def test_wrong_kind(self) -> None:
        """
        Anything else gives nothing, however broken it is.
        """
        pieces = [
            b"",
            b"1",
            b"null",
            b"true",
            b"{",
            b"[",
            b'"',
            b"\xff",
            b'"\xff"',
            b'"\\ud800"',
            b'{"\xff":1}',
        ]
        pieces += [b"[" * 100_000, b'{"a":' * 100_000]
        for piece in pieces:
            self.assertIsNone(codec.members(piece), piece[:20])
            self.assertIsNone(codec.pieces(piece), piece[:20])
            self.assertIsNone(codec.text(piece), piece[:20])
