# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The fixture of the modern era.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.client import Client
from tests.conformance.machine import Message
from tests.conformance.modern import META, Modern

_CAN: Message = {"elicitation": {}, "sampling": {}, "roots": {}}
_CONFIRM = {"confirm": {"action": "accept", "content": {"ok": True}}}
_HELLO = "test_input_required_result_elicitation"
_TAMPERED = "test_input_required_result_tampered_state"


class ModernTests(SynchronousTestCase):
    """
    The envelope, results and subscriptions.
    """

    def setUp(self) -> None:
        """
        Make a fixture.
        """
        self.client = Client(Modern)

    def test_discover(self) -> None:
        """
        Discovery says which revision is spoken, by whom, and how long that may be kept.
        """
        result = self.client.modern("server/discover")["result"]
        self.assertEqual(result["supportedVersions"], ["2026-07-28"])
        self.assertEqual(
            (result["resultType"], result["ttlMs"], result["cacheScope"]), ("complete", 60000, "public")
        )
        self.assertIn(META + "serverInfo", result["_meta"])

    def test_not_cached(self) -> None:
        """
        A call's result may not be kept.
        """
        self.assertNotIn("ttlMs", self.client.modern("tools/call", name="test_simple_text")["result"])

    def test_envelope(self) -> None:
        """
        A request without its envelope, or with a level that does not exist, is refused.
        """
        bad: list[Message] = [
            {},
            {"_meta": 7},
            {"_meta": {META + "protocolVersion": "2026-07-28"}},
            {"_meta": {META + "protocolVersion": 1, META + "clientCapabilities": {}}},
        ]
        for params in bad:
            self.assertEqual(self.client.ask("tools/list", **params)["error"]["code"], -32602)
        error = self.client.modern("tools/list", meta={META + "logLevel": "loud"})["error"]
        self.assertEqual(error["code"], -32602)

    def test_version(self) -> None:
        """
        A revision that it does not speak is refused with those that it does.
        """
        error = self.client.modern("tools/list", meta={META + "protocolVersion": "v999"})["error"]
        self.assertEqual(
            (error["code"], error["data"]), (-32022, {"supported": ["2026-07-28"], "requested": "v999"})
        )

    def test_removed(self) -> None:
        """
        What the revision removed is unknown in it.
        """
        for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe"):
            self.assertEqual(self.client.modern(method)["error"]["code"], -32601, method)

    def test_legacy(self) -> None:
        """
        Who begins with the handshake is spoken to in the legacy era, about the same offer.
        """
        self.client.modern("tools/call", name="test_trigger_tool_change")
        self.assertEqual(self.client.greet()["result"]["protocolVersion"], "2025-11-25")
        names = [tool["name"] for tool in self.client.ask("tools/list")["result"]["tools"]]
        self.assertIn("test_added_tool", names)
        self.assertIn("ttlMs", self.client.modern("tools/list")["result"])

    def test_log(self) -> None:
        """
        A request has its log only if it asks for one.
        """
        self.client.modern("tools/call", name="test_logging_tool")
        self.assertEqual(len(self.client.said), 1)
        self.client.modern("tools/call", name="test_logging_tool", meta={META + "logLevel": "debug"})
        self.assertEqual(len(self.client.said), 5)

    def test_not_found(self) -> None:
        """
        A resource that is not there is an invalid parameter, with its address.
        """
        error = self.client.modern("resources/read", uri="test://nothing")["error"]
        self.assertEqual((error["code"], error["data"]), (-32602, {"uri": "test://nothing"}))

    def test_listen(self) -> None:
        """
        A subscription is acknowledged, hears what it asked for under its id, and ends when cancelled.
        """
        wanted = {
            "toolsListChanged": True,
            "promptsListChanged": False,
            "resourceSubscriptions": ["test://x"],
            "odd": 1,
        }
        ack = self.client.modern("subscriptions/listen", "sub", notifications=wanted)
        honoured = {"toolsListChanged": True, "resourceSubscriptions": ["test://x"]}
        self.assertEqual(
            ack["params"], {"notifications": honoured, "_meta": {META + "subscriptionId": "sub"}}
        )
        self.client.said.clear()
        for _ in range(2):
            for kind, uri in (
                ("tools", None),
                ("prompts", None),
                ("resource", "test://x"),
                ("resource", "test://y"),
            ):
                self.client.plugin.change(kind, uri)
            self.client.hear(method="notifications/cancelled", params={"requestId": "sub"})
        self.assertEqual(
            [said["method"] for said in self.client.said],
            ["notifications/tools/list_changed", "notifications/resources/updated"],
        )
        self.assertTrue(
            all(said["params"]["_meta"] == {META + "subscriptionId": "sub"} for said in self.client.said)
        )

    def test_other_notice(self) -> None:
        """
        A notice or an answer that means nothing here changes nothing.
        """
        self.client.hear(method="notifications/odd")
        self.client.hear(id=5, result={})
        self.assertEqual(self.client.said, [])


class RoundsTests(SynchronousTestCase):
    """
    Questions by results.
    """

    def setUp(self) -> None:
        """
        Make a fixture.
        """
        self.client = Client(Modern)

    def call(self, name: str, **more: object) -> Message:
        """
        Call a tool as a client that can be asked anything.
        """
        return self.client.modern("tools/call", can=_CAN, name=name, arguments={}, **more)

    def test_capability(self) -> None:
        """
        What the client can't be asked is an error that says what would be needed.
        """
        error = self.client.modern("tools/call", name="test_missing_capability")["error"]
        self.assertEqual((error["code"], error["data"]), (-32021, {"requiredCapabilities": {"sampling": {}}}))

    def test_at_once(self) -> None:
        """
        Where no state is needed, an answer in the first call will do; what else is in it is ignored.
        """
        answers = {"user_name": {"action": "accept", "content": {"name": "Ann"}}, "odd": 1}
        result = self.call(_HELLO, inputResponses=answers)["result"]
        self.assertEqual(result["content"][0]["text"], "Hello, Ann!")

    def test_unfit(self) -> None:
        """
        An answer that does not fit its question is asked for again.
        """
        unfit: list[object] = [
            None,
            {"wrong_key": {}},
            {"user_name": 12345},
            {"user_name": {"action": "accept"}},
            {"user_name": {"action": "accept", "content": {}}},
            {"user_name": {"action": "maybe"}},
        ]
        for answers in unfit:
            result = self.call(_HELLO, inputResponses=answers)["result"]
            self.assertEqual(result["resultType"], "input_required", answers)
            self.assertEqual([*result["inputRequests"]], ["user_name"])

    def test_unfit_others(self) -> None:
        """
        A model's answer has content, and roots are a list.
        """
        for name, key in (
            ("test_input_required_result_sampling", "capital_question"),
            ("test_input_required_result_list_roots", "client_roots"),
        ):
            result = self.call(name, inputResponses={key: {}})["result"]
            self.assertEqual(result["resultType"], "input_required")

    def test_declined(self) -> None:
        """
        A user's no is an answer.
        """
        result = self.call(_HELLO, inputResponses={"user_name": {"action": "decline"}})["result"]
        self.assertEqual(result["content"][0]["text"], "Hello, None!")

    def test_partly(self) -> None:
        """
        Of several questions only those without an answer are asked again.
        """
        name = "test_input_required_result_multiple_inputs"
        state = self.call(name)["result"]["requestState"]
        answers = {"user_name": {"action": "accept", "content": {"name": "Ann"}}}
        result = self.call(name, inputResponses=answers, requestState=state)["result"]
        self.assertEqual({*result["inputRequests"]}, {"greeting", "client_roots"})

    def test_state(self) -> None:
        """
        Where state is needed, answers count only with it, unchanged, and with the request it was made for.
        """
        result = self.call(_TAMPERED, inputResponses=_CONFIRM)["result"]
        state = result["requestState"]
        self.assertEqual(result["resultType"], "input_required")
        for bad in (f"{state}-TAMPERED", f"{state}=", state[1:], 7, ""):
            error = self.call(_TAMPERED, inputResponses=_CONFIRM, requestState=bad)["error"]
            self.assertEqual(error["code"], -32602, bad)
        other = self.call("test_input_required_result_request_state", requestState=state)["error"]
        self.assertEqual(other["code"], -32602)
        self.assertIn("content", self.call(_TAMPERED, inputResponses=_CONFIRM, requestState=state)["result"])
