# -*- test-case-name: tests.workers.test_known -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.known`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.message import Answer
from mcpd.wire.offer import Feature
from mcpd.wire.revision import MODERN
from mcpd.workers.known import Known
from tests.workers.stage import members


def known(**result: Any) -> Known:
    """
    Meet a worker.
    """
    return Known.of(MODERN, Answer(b"1", members(**result)))


class KnownTests(SynchronousTestCase):
    """
    Tests for what a worker says of itself.
    """

    def test_all(self) -> None:
        """
        A plugin does what it declares.
        """
        listed = {"listChanged": True}
        declared = {
            "tools": listed,
            "prompts": listed,
            "resources": {**listed, "subscribe": True},
            "logging": {},
            "completions": {},
            "experimental": {},
        }
        it = known(capabilities=declared, instructions="Be kind.")
        self.assertEqual(
            (it.revision, it.features, it.instructions), (MODERN, frozenset(Feature), "Be kind.")
        )
        self.assertEqual(it.telling, {Feature.TOOLS, Feature.PROMPTS, Feature.RESOURCES})

    def test_less(self) -> None:
        """
        What it denies, or writes as null, it does not.
        """
        declared = {"tools": {"listChanged": False}, "prompts": None, "resources": {"subscribe": False}}
        it = known(capabilities=declared)
        self.assertEqual(it.features, {Feature.TOOLS, Feature.RESOURCES})
        self.assertEqual(it.telling, set())

    def test_nonsense(self) -> None:
        """
        Nonsense says nothing.
        """
        nonsense: tuple[Any, ...] = (None, [], "tools", 1, {"resources.subscribe": True})
        for capabilities in nonsense:
            it = known(capabilities=capabilities, instructions=5)
            self.assertEqual((it.features, it.instructions), (set(), ""))
        self.assertEqual(known().features, set())
