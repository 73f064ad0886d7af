# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.listening`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.listening import Listening, Wanted, read_wanted
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Sort
from tests.relay.ways import FakeWay

ID = "io.modelcontextprotocol/subscriptionId"
SERVER = "io.modelcontextprotocol/serverInfo"
A, B = "file:///a", "file:///b"


def read(notifications: Any) -> Wanted:
    """
    Read a filter of at most three URIs of at most twenty bytes.
    """
    return read_wanted({"notifications": Raw(write.encode(notifications))}, 3, 20)


class WantedTests(SynchronousTestCase):
    """
    Tests for what a client wants to hear of.
    """

    def test_read(self) -> None:
        """
        A client says which lists and which resources it wants to hear of; what is unknown says nothing.
        """
        table: tuple[tuple[Any, Wanted], ...] = (
            ({}, Wanted()),
            ({"toolsListChanged": True}, Wanted((Sort.TOOLS,))),
            ({"promptsListChanged": True, "toolsListChanged": False}, Wanted((Sort.PROMPTS,))),
            ({"resourcesListChanged": True}, Wanted((Sort.RESOURCES,))),
            ({"resourceSubscriptions": []}, Wanted()),
            ({"resourceSubscriptions": [B, A, B]}, Wanted((), (B, A))),
            ({"taskIds": ["1"], "logs": 3}, Wanted()),
        )
        for notifications, wanted in table:
            self.assertEqual(read(notifications), wanted, notifications)

    def test_malformed(self) -> None:
        """
        A client that says it in another way is told what is wrong.
        """
        table: tuple[tuple[Any, str], ...] = (
            (None, "notifications must"),
            ([], "notifications must"),
            ({"toolsListChanged": 1}, "toolsListChanged must"),
            ({"promptsListChanged": None}, "promptsListChanged must"),
            ({"resourcesListChanged": "true"}, "resourcesListChanged must"),
            ({"resourceSubscriptions": A}, "resourceSubscriptions must"),
            ({"resourceSubscriptions": [1]}, "resourceSubscriptions must"),
            ({"resourceSubscriptions": [A] * 4}, "at most 3 URIs"),
            ({"resourceSubscriptions": [A + "b" * 10]}, "at most 20 bytes"),
        )
        for notifications, text in table:
            fault = self.assertRaises(Fault, read, notifications)
            self.assertIs(fault.kind, Kind.PARAMS, notifications)
            self.assertIn(text, fault.text)

    def test_missing(self) -> None:
        """
        A client that doesn't say what it wants to hear of is told so.
        """
        self.assertIs(self.assertRaises(Fault, read_wanted, {}, 3, 20).kind, Kind.PARAMS)

    def test_bound(self) -> None:
        """
        A URI may be as long as the bound says, with its quotes.
        """
        uri = A + "b" * 9
        self.assertEqual(read({"resourceSubscriptions": [uri]}).uris, (uri,))

    def test_written(self) -> None:
        """
        What is not wanted is not in what is written.
        """
        self.assertEqual(Wanted().written(), b"{}")
        self.assertEqual(
            Wanted((Sort.TOOLS, Sort.RESOURCES), (A,)).written(),
            b'{"toolsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["file:///a"]}',
        )


class ListeningTests(SynchronousTestCase):
    """
    Tests for a modern client's stream.
    """

    def setUp(self) -> None:
        """
        Open one.
        """
        self.way = FakeWay()
        self.listening = Listening(b'"x"', "key:a", b"/mcp", (Sort.TOOLS,), self.way)

    def test_acknowledge(self) -> None:
        """
        The acknowledgement says what will be told, under the request's id.
        """
        self.listening.acknowledge((A,))
        params = {
            "_meta": {ID: "x"},
            "notifications": {"toolsListChanged": True, "resourceSubscriptions": [A]},
        }
        message = {
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": params,
        }
        self.assertEqual(self.way.said, [message])

    def test_tell(self) -> None:
        """
        Each change is told under the request's id.
        """
        self.listening.tell(b"notifications/resources/updated", (("uri", b'"file:///a"'),))
        self.assertEqual(self.way.said[0]["method"], "notifications/resources/updated")
        self.assertEqual(self.way.said[0]["params"], {"_meta": {ID: "x"}, "uri": A})

    def test_number(self) -> None:
        """
        A request's id that is a number is repeated as one.
        """
        listening = Listening(b"12", "key:a", b"/mcp", (), self.way)
        listening.tell(b"m")
        listening.finish()
        self.assertIs(type(self.way.said[0]["params"]["_meta"][ID]), int)
        self.assertIs(type(self.way.said[1]["result"]["_meta"][ID]), int)

    def test_early(self) -> None:
        """
        Before it is settled what is told, nothing is.
        """
        self.listening.patience = Clock().callLater(1, lambda: None)
        self.listening.tell(b"m")
        self.assertEqual(self.way.said, [])

    def test_finish(self) -> None:
        """
        A stream that the server ends does so by the request's result.
        """
        self.listening.finish()
        (message,) = self.way.said
        self.assertEqual((message["id"], message["result"]["resultType"]), ("x", "complete"))
        meta = message["result"]["_meta"]
        self.assertEqual((meta[ID], meta[SERVER]["name"]), ("x", "mcpd"))
        self.assertTrue(self.way.ended)
