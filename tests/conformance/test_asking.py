# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tools that ask, in both eras.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.asking import ASKING
from tests.conformance.client import Client
from tests.conformance.legacy import Legacy
from tests.conformance.machine import Message
from tests.conformance.modern import Modern

_CAN: Message = {"elicitation": {}, "sampling": {}, "roots": {}}
_ARGUMENTS = {"prompt": "Say something.", "message": "Who are you?"}
_FORM = {
    "username": "ann",
    "email": "ann@example.org",
    "name": "Ann",
    "ok": True,
    "color": "blue",
    "value": "v",
    "context": "rain",
}
_ENDS = {
    "test_sampling": "LLM response: Paris",
    "test_missing_capability": "Success",
    "test_input_required_result_elicitation": "Hello, Ann!",
    "test_input_required_result_sampling": "Sampling result: Paris",
    "test_input_required_result_list_roots": "Found 1 root(s): file:///srv",
    "test_input_required_result_multiple_inputs": "Name: Ann; Greeting: Paris; Roots: 1",
    "test_input_required_result_multi_round": "Multi-round complete for Ann who likes blue",
    "test_input_required_result_tampered_state": "integrity-ok: state verified",
    "test_input_required_result_capabilities": "capabilities-ok: received elicit_input,sample_input",
}
_STARTS = {
    "test_elicitation": "User response: action=accept, content=",
    "test_elicitation_sep1034_defaults": "Elicitation completed: action=accept, content=",
    "test_elicitation_sep1330_enums": "Elicitation completed: action=accept, content=",
    "test_streaming_elicitation": "Streaming complete: action=accept, content=",
    "test_input_required_result_request_state": "state-ok: action=accept, content=",
}


def _answer(question: Message) -> Message:
    match question["method"]:
        case "elicitation/create":
            return {"action": "accept", "content": _FORM}
        case "sampling/createMessage":
            return {"role": "assistant", "model": "m", "content": {"type": "text", "text": "Paris"}}
    return {"roots": [{"uri": "file:///srv"}]}


class AskingTests(SynchronousTestCase):
    """
    What each tool ends with once its questions are answered.
    """

    def check(self, name: str, result: Message) -> None:
        """
        Compare a tool's end with what it should be.
        """
        text = result["content"][0]["text"]
        if name in _ENDS:
            self.assertEqual(text, _ENDS[name])
        else:
            self.assertTrue(text.startswith(_STARTS[name]), text)

    def test_all_known(self) -> None:
        """
        No tool is forgotten here.
        """
        self.assertEqual({tool.name for tool in ASKING}, {*_ENDS, *_STARTS})

    def test_legacy(self) -> None:
        """
        A legacy fixture asks by requests, and every tool comes to its end.
        """
        client = Client(Legacy)
        client.greet(**_CAN)
        client.answer = lambda question: {"result": _answer(question)}
        for tool in ASKING:
            self.check(tool.name, client.call(tool.name, **_ARGUMENTS)["result"])

    def test_modern(self) -> None:
        """
        A modern fixture asks by results, writes no request ever, and every tool comes to its end.
        """
        client = Client(Modern)
        for tool in ASKING:
            params: Message = {"name": tool.name, "arguments": _ARGUMENTS}
            result = client.modern("tools/call", can=_CAN, **params)["result"]
            while result["resultType"] == "input_required":
                answers = {key: _answer(question) for key, question in result["inputRequests"].items()}
                more = {key: result[key] for key in ("requestState",) if key in result}
                result = client.modern("tools/call", can=_CAN, inputResponses=answers, **more, **params)[
                    "result"
                ]
            self.check(tool.name, result)
        self.assertFalse([said for said in client.said if "method" in said and "id" in said])

    def test_prompt(self) -> None:
        """
        A prompt may ask, too.
        """
        client = Client(Legacy)
        client.greet(**_CAN)
        client.answer = lambda question: {"result": _answer(question)}
        result = client.ask("prompts/get", name="test_input_required_result_prompt")["result"]
        self.assertEqual(result["messages"][0]["content"]["text"], "Prompt with context: rain")

    def test_no_capability(self) -> None:
        """
        The tool that asks what the client can be asked is content with nothing.
        """
        client = Client(Legacy)
        client.greet()
        result = client.call("test_input_required_result_capabilities")["result"]
        self.assertEqual(result["content"][0]["text"], "No supported capabilities declared")
