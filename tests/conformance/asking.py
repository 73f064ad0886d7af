# -*- test-case-name: tests.conformance.test_asking -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tools and the prompt of the official suite that ask the client something.

Names, keys, texts and schemas are the suite's; see its
``src/scenarios/server/tools.ts`` and ``input-required-result.ts``.
"""

from __future__ import annotations

import json

from tests.conformance.call import Call
from tests.conformance.machine import Message
from tests.conformance.tools import Tool
from tests.conformance.values import elicit, filled, messages, roots, sample, says, schema, words_of

_STRING = {"type": "string"}
_NAME = elicit("What is your name?", {"name": _STRING}, ["name"])
_CONFIRM = elicit("Please confirm", {"ok": {"type": "boolean"}}, ["ok"])
_USER = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}
_STATUS = {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"}
_DEFAULTS = {
    "name": {"type": "string", "description": "User name", "default": "John Doe"},
    "age": {"type": "integer", "description": "User age", "default": 30},
    "score": {"type": "number", "description": "User score", "default": 95.5},
    "status": {"description": "User status", **_STATUS},
    "verified": {"type": "boolean", "description": "Verification status", "default": True},
}


def _titled(words: str) -> list[Message]:
    numbers = enumerate(("First", "Second", "Third"), start=1)
    return [{"const": f"value{number}", "title": f"{ordinal} {words}"} for number, ordinal in numbers]


_OPTIONS = {"type": "string", "enum": ["option1", "option2", "option3"]}
_ENUMS = {
    "untitledSingle": _OPTIONS,
    "titledSingle": {"type": "string", "oneOf": _titled("Option")},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "minItems": 1, "maxItems": 3, "items": _OPTIONS},
    "titledMulti": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"anyOf": _titled("Choice")}},
}


def _told(answer: Message) -> str:
    return f"action={answer.get('action')}, content={json.dumps(answer.get('content') or {})}"


def _sampling(call: Call) -> Message:
    answer = call.ask({"sample": sample(call.argument("prompt", str), 100)})["sample"]
    return says(f"LLM response: {words_of(answer)}")


def _elicitation(call: Call) -> Message:
    question = elicit(call.argument("message", str), _USER, list(_USER))
    return says(f"User response: {_told(call.ask({'user': question})['user'])}")


def _defaults(call: Call) -> Message:
    question = elicit("Please review and update the form fields with defaults", _DEFAULTS)
    return says(f"Elicitation completed: {_told(call.ask({'form': question})['form'])}")


def _enums(call: Call) -> Message:
    question = elicit("Please select options from the enum fields", _ENUMS)
    return says(f"Elicitation completed: {_told(call.ask({'form': question})['form'])}")


def _missing_capability(call: Call) -> Message:
    call.ask({"sample": sample("Say something.", 10)})
    return says("Success")


def _streaming(call: Call) -> Message:
    call.progress(50, 100, "Half way")
    return says(f"Streaming complete: {_told(call.ask({'user_name': _NAME})['user_name'])}")


def _hello(call: Call) -> Message:
    return says(f"Hello, {filled(call.ask({'user_name': _NAME})['user_name'], 'name')}!")


def _capital(call: Call) -> Message:
    questions = {"capital_question": sample("What is the capital of France?", 100)}
    return says(f"Sampling result: {words_of(call.ask(questions)['capital_question'])}")


def _list_roots(call: Call) -> Message:
    found = call.ask({"client_roots": roots()})["client_roots"]["roots"]
    return says(f"Found {len(found)} root(s): {', '.join(root['uri'] for root in found)}")


def _request_state(call: Call) -> Message:
    answer = call.ask({"confirm": _CONFIRM}, sealed=True)["confirm"]
    return says(f"state-ok: {_told(answer)}")


def _multiple(call: Call) -> Message:
    questions = {
        "user_name": _NAME,
        "greeting": sample("Generate a greeting", 50),
        "client_roots": roots(),
    }
    answers = call.ask(questions, sealed=True)
    name = filled(answers["user_name"], "name")
    count = len(answers["client_roots"]["roots"])
    return says(f"Name: {name}; Greeting: {words_of(answers['greeting'])}; Roots: {count}")


def _multi_round(call: Call) -> Message:
    first = elicit("Step 1: What is your name?", {"name": _STRING}, ["name"])
    second = elicit("Step 2: What is your favorite color?", {"color": _STRING}, ["color"])
    name = filled(call.ask({"step1": first}, sealed=True)["step1"], "name")
    color = filled(call.ask({"step2": second}, sealed=True)["step2"], "color")
    return says(f"Multi-round complete for {name} who likes {color}")


def _tampered(call: Call) -> Message:
    call.ask({"confirm": _CONFIRM}, sealed=True)
    return says("integrity-ok: state verified")


def _capabilities(call: Call) -> Message:
    questions: dict[str, Message] = {}
    if "elicitation" in call.can:
        questions["elicit_input"] = elicit("Elicitation input", {"value": _STRING}, ["value"])
    if "sampling" in call.can:
        questions["sample_input"] = sample("Sample request", 50)
    if not questions:
        return says("No supported capabilities declared")
    return says(f"capabilities-ok: received {','.join(call.ask(questions, sealed=True))}")


def context_prompt(call: Call) -> Message:
    """
    Ask what the prompt is about, then make it.
    """
    question = elicit("What context should the prompt use?", {"context": _STRING}, ["context"])
    answer = call.ask({"user_context": question})["user_context"]
    return messages(f"Prompt with context: {filled(answer, 'context')}")


_PROMPT = schema({"prompt": {"type": "string", "description": "What to ask the model"}}, ["prompt"])
_MESSAGE = schema({"message": {"type": "string", "description": "What to ask the user"}}, ["message"])

ASKING = (
    Tool("test_sampling", "Asks the client's model.", _sampling, _PROMPT),
    Tool("test_elicitation", "Asks the user.", _elicitation, _MESSAGE),
    Tool("test_elicitation_sep1034_defaults", "Asks by a form with defaults.", _defaults),
    Tool("test_elicitation_sep1330_enums", "Asks by a form with choices.", _enums),
    Tool("test_missing_capability", "Needs the client's model.", _missing_capability),
    Tool("test_streaming_elicitation", "Reports, then asks the user.", _streaming),
    Tool("test_input_required_result_elicitation", "Asks for a name.", _hello),
    Tool("test_input_required_result_sampling", "Asks the model for a capital.", _capital),
    Tool("test_input_required_result_list_roots", "Asks for the roots.", _list_roots),
    Tool("test_input_required_result_request_state", "Asks, and seals its state.", _request_state),
    Tool("test_input_required_result_multiple_inputs", "Asks three things at once.", _multiple),
    Tool("test_input_required_result_multi_round", "Asks twice.", _multi_round),
    Tool("test_input_required_result_tampered_state", "Asks, and checks its state.", _tampered),
    Tool("test_input_required_result_capabilities", "Asks what the client can be asked.", _capabilities),
)
"""Those tools, in the order in which they are listed."""
