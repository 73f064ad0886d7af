# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The fixture of the legacy era.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.client import Client
from tests.conformance.legacy import VERSIONS, Legacy
from tests.conformance.machine import Message


class LegacyTests(SynchronousTestCase):
    """
    The handshake, and what is special to this era.
    """

    def setUp(self) -> None:
        """
        Make a fixture.
        """
        self.client = Client(Legacy)

    def test_versions(self) -> None:
        """
        Each legacy revision is spoken with who wants it; who wants another gets the newest.
        """
        for wanted, given in (*((version, version) for version in VERSIONS), ("2026-07-28", "2025-11-25")):
            result = self.client.ask("initialize", protocolVersion=wanted, capabilities={})["result"]
            self.assertEqual(result["protocolVersion"], given)

    def test_unknown_version(self) -> None:
        """
        It may answer with a version that does not exist.
        """
        client = Client(Legacy, "unknown-version")
        self.assertEqual(client.greet()["result"]["protocolVersion"], "1999-12-31")

    def test_before(self) -> None:
        """
        Before the handshake there is a ping, no discovery, and nothing else.
        """
        self.assertEqual(self.client.ask("ping")["result"], {})
        self.assertEqual(self.client.ask("server/discover")["error"]["code"], -32601)
        self.assertEqual(self.client.ask("tools/list")["error"]["code"], -32602)

    def test_level(self) -> None:
        """
        Setting the log level has an empty result; a level that does not exist is refused.
        """
        self.client.greet()
        self.assertEqual(self.client.ask("logging/setLevel", level="info")["result"], {})
        self.assertEqual(self.client.ask("logging/setLevel", level="loud")["error"]["code"], -32602)

    def test_subscription(self) -> None:
        """
        Only who subscribed to a resource hears that it changed, until it unsubscribes.
        """
        self.client.greet()
        self.client.said.clear()
        self.client.plugin.change("resource", "test://x")
        self.client.ask("resources/subscribe", uri="test://x")
        self.client.plugin.change("resource", "test://x")
        self.client.ask("resources/unsubscribe", uri="test://x")
        self.client.plugin.change("resource", "test://x")
        told = [said for said in self.client.said if "method" in said]
        self.assertEqual([said["params"] for said in told], [{"uri": "test://x"}])

    def test_not_found(self) -> None:
        """
        A resource that is not there has this era's own code.
        """
        self.client.greet()
        error = self.client.ask("resources/read", uri="test://nothing")["error"]
        self.assertEqual((error["code"], error["data"]), (-32002, {"uri": "test://nothing"}))

    def test_question(self) -> None:
        """
        Its first question has the id 0, and says by which key a modern client shall see it.
        """
        self.client.greet()
        self.client.answer = lambda question: {"result": {"action": "decline"}}
        self.client.call("test_input_required_result_elicitation")
        asked = [said for said in self.client.said if said.get("method") == "elicitation/create"]
        self.assertEqual([said["id"] for said in asked], [0])
        self.assertEqual(asked[0]["params"]["_meta"], {"mcpd/inputKey": "user_name"})

    def test_refused_question(self) -> None:
        """
        A tool whose question is refused fails with the client's reason.
        """
        self.client.greet()
        self.client.answer = lambda question: {"error": {"code": -1, "message": "no"}}
        result = self.client.call("test_sampling", prompt="?")["result"]
        self.assertTrue(result["isError"])
        self.assertIn("no", result["content"][0]["text"])

    def test_cancelled_question(self) -> None:
        """
        A call that is cancelled while it asks takes its question back and is never answered.
        """
        self.client.greet()
        self.client.said.clear()

        def cancel(question: Message) -> None:
            self.client.hear(method="notifications/cancelled", params={"requestId": 1})

        self.client.answer = cancel
        self.client.hear(id=1, method="tools/call", params={"name": "test_missing_capability"})
        self.assertEqual(
            [said["method"] for said in self.client.said],
            ["sampling/createMessage", "notifications/cancelled"],
        )
        self.assertEqual(self.client.said[-1]["params"], {"requestId": 0})

    def test_other_notices(self) -> None:
        """
        Another call's cancel leaves a question alone, and a foreign answer is no answer.
        """
        self.client.greet()

        def answer(question: Message) -> Message:
            self.client.hear(method="notifications/cancelled", params={"requestId": 99})
            self.client.hear(id=77, result={})
            return {"result": {"content": {"type": "text", "text": "still"}}}

        self.client.answer = answer
        result = self.client.call("test_sampling", prompt="?")["result"]
        self.assertEqual(result["content"][0]["text"], "LLM response: still")
