# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.reading`.
"""

from __future__ import annotations

import json

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.reading import messages, refused, written
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Notice, Refusal, Request


class ReadingTests(SynchronousTestCase):
    """
    Tests for what the far side says.
    """

    def test_messages(self) -> None:
        """
        Messages come alone or in a batch, of which those are taken that can be read.
        """
        one = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        self.assertIsInstance(messages(one)[0], Answer)
        self.assertEqual(len(messages(b"[" + one + b",3," + one + b"]")), 2)
        self.assertRaises(Fault, messages, b"<html>")

    def test_refused(self) -> None:
        """
        A refusal is told in the far side's own words, if it has any, else by what the status means.
        """
        said = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no","data":{"a": 1}}}'
        refusal = refused(400, said)
        self.assertEqual((refusal.code, refusal.message), (-32000, "no"))
        self.assertEqual(bytes(refusal.data or b""), b'{"a": 1}')
        for status, code, text in (
            (400, -31000, "the far side answered HTTP 400"),
            (401, -31001, "--key-file"),
            (404, -31004, "an MCP endpoint"),
            (503, -31103, "HTTP 503"),
            (302, -31102, "redirects are not followed"),
            (204, -31102, "HTTP 204"),
        ):
            for body in (b"", b"<html>", b'{"jsonrpc":"2.0","id":1,"result":{}}'):
                refusal = refused(status, body)
                self.assertEqual(refusal.code, code)
                self.assertIn(text, refusal.message.replace("server", "endpoint"))

    def test_written(self) -> None:
        """
        A message is written in one line, its values as they came, and nothing in a name ends the line.
        """
        value = Raw(b'{ "x":1.0 }')
        for message, method in (
            (Request(b'"a"', "roots/list", {"x": value}), "roots/list"),
            (Notice('odd"\n', {"x": value}), 'odd"\n'),
            (Answer(b"1", {"x": value}), None),
            (Refusal(b"1", -1, 'no"', value), None),
        ):
            text = b"".join(written(message))
            self.assertNotIn(b"\n", text)
            self.assertIn(bytes(value), text)
            self.assertEqual(json.loads(text).get("method"), method)
