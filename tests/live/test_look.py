# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How it is judged what other people's clients saw.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.live.look import MODERN, complaints

_GOOD: dict[str, Any] = {
    "version": MODERN,
    "tools": ["a__test_simple_text", "a__test_x_mcp_header", "a__misbehave_touch", "b__else"],
    "resources": ["test://static-text", "test://static-binary", "test://watched-resource"],
    "templates": ["test://template/{id}/data"],
    "prompts": ["a__test_simple_prompt", "a__test_prompt_with_arguments"],
    "read": [
        "This is the content of the static text resource.",
        '{"id": "7", "templateTest": true, "data": "Data for ID: 7"}',
    ],
    "prompt": "Prompt with arguments: arg1='a', arg2='b'",
    "completed": ["testValue1", "testValue2"],
    "said": "This is a simple text response for testing.",
    "progress": [[0.0, 100.0], [50.0, 100.0], [100.0, 100.0]],
    "log": ["Tool execution started", "Tool processing data", "Tool execution completed"],
    "updated": 0.9,
    "changed": 0.0,
    "added": ["a__test_added_tool"],
}


class ComplaintsTests(SynchronousTestCase):
    """
    The judgement.
    """

    def test_content(self) -> None:
        """
        A client that saw everything, in time, passes.
        """
        self.assertEqual(complaints(_GOOD, MODERN, "a__", ()), [])

    def test_missing(self) -> None:
        """
        Whatever a client did not tell is complained of.
        """
        for name in _GOOD:
            saw = {key: value for key, value in _GOOD.items() if key != name}
            said = complaints(saw, MODERN, "a__", ())
            self.assertTrue(said and all(one.startswith(name) for one in said), said)

    def test_wrong(self) -> None:
        """
        What is not as it has to be is told, with what it is.
        """
        saw = {**_GOOD, "said": "?", "tools": [], "changed": 1.0}
        self.assertEqual(
            complaints(saw, MODERN, "a__", ()),
            [
                "said is '?' and has to be 'This is a simple text response for testing.'",
                "tools lacks a__misbehave_touch",
                "tools lacks a__test_simple_text",
                "tools lacks a__test_x_mcp_header",
                "changed was heard of after 1.0 seconds",
            ],
        )

    def test_lacks(self) -> None:
        """
        What a client can't tell is not asked of it, as long as it does not tell.
        """
        saw = {key: value for key, value in _GOOD.items() if key not in {"progress", "changed"}}
        self.assertEqual(complaints(saw, MODERN, "a__", ("progress", "changed")), [])
        self.assertEqual(complaints(_GOOD, MODERN, "a__", ("progress",)), ["progress can be told"])
