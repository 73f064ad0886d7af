# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.call`.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.call import arguments, parts
from tests.ctl.stage import Operator


class CallTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_text(self) -> None:
        """
        A tool's text is printed as it is, however long its lines.
        """
        operator = Operator()
        long = "x" * 200
        operator.daemon.answers = [self._answer(content=[{"type": "text", "text": long}])]
        self.assertEqual(operator.run("call", "files__read", "path=a").stdout, f"{long}\n")
        self.assertEqual(json.loads(operator.daemon.calls[0][1])["params"]["arguments"], {"path": "a"})

    def test_failed(self) -> None:
        """
        A tool that fails makes the command fail; a program gets the result all the same.
        """
        operator = Operator()
        operator.daemon.answers = [self._answer(content=[], isError=True)]
        ended = operator.run("call", "files__read", "-o", "json")
        self.assertEqual((ended.exit_code, json.loads(ended.stdout)["isError"]), (1, True))

    def test_error(self) -> None:
        """
        An error of the protocol is told on standard error.
        """
        operator = Operator()
        operator.daemon.answers = [b'{"jsonrpc":"2.0","id":1,"error":{"code":-31104,"message":"late"}}']
        ended = operator.run("call", "files__read")
        self.assertEqual((ended.exit_code, ended.stdout, ended.stderr), (1, "", "late\n"))

    def test_arguments(self) -> None:
        """
        Arguments are an object, or pairs whose values are JSON where they can be.
        """
        self.assertEqual(arguments(('{"a": [1]}',)), {"a": [1]})
        self.assertEqual(arguments(("a=1", "b=x=y", 'c="1"')), {"a": 1, "b": "x=y", "c": "1"})
        self.assertEqual(arguments(("a=NaN", "b=-Infinity")), {"a": "NaN", "b": "-Infinity"})
        self.assertEqual(arguments(()), {})

    def test_wrong_arguments(self) -> None:
        """
        Arguments that are neither are wrong usage.
        """
        for words in ("{",), ("a",), ("=1",), ('{"a": NaN}',):
            self.assertEqual(Operator().run("call", "files__read", *words).exit_code, 2)

    def test_parts(self) -> None:
        """
        What is no text is told by its kind.
        """
        content = [
            {"type": "resource", "resource": {"uri": "a:b", "text": "in"}},
            {"type": "resource", "resource": {"uri": "a:b", "blob": "AAAA"}},
            {"type": "resource_link", "uri": "a:c"},
            {"type": "image", "mimeType": "image/png", "data": "AAAA"},
        ]
        told = ["in", "[resource a:b]", "[link a:c]", "[image image/png, 3 bytes]"]
        self.assertEqual(parts({"content": content}), told)
        self.assertEqual(parts({"structuredContent": 1}), ["1"])

    def _answer(self, **result: object) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
