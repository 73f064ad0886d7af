# -*- test-case-name: tests.workers.test_speech -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.speech`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire import write
from mcpd.workers.speech import LegacySpeech, ModernSpeech, Params
from tests.workers.stage import call, members

STAMP = (("io.modelcontextprotocol/protocolVersion", b'"2026-07-28"'),)
STAMPED = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
CALL = {"name": "add", "arguments": {"a": 1}}


def said(params: Params) -> Any:
    """
    Read what would be said.
    """
    out: list[Any] = []
    write.put(out, params)
    return json.loads(write.join(out))


class LegacyTests(SynchronousTestCase):
    """
    Tests for speaking to plugins that shook hands.
    """

    def test_bare(self) -> None:
        """
        A legacy plugin gets the call as it is, whatever the caller wants of its log.
        """
        for each in (call(), call(level="debug")):
            self.assertEqual(said(LegacySpeech().params(each, b"1")), CALL)

    def test_meta(self) -> None:
        """
        It gets a token of our own where progress is wanted, and what the client meant for it.
        """
        asked = call(progress=True, meta=members(traceparent="00-1"))
        expected = {**CALL, "_meta": {"traceparent": "00-1", "progressToken": 7}}
        self.assertEqual(said(LegacySpeech().params(asked, b"7")), expected)
        asked = call(meta=members(traceparent="00-1"))
        self.assertEqual(said(LegacySpeech().params(asked, b"7")), {**CALL, "_meta": {"traceparent": "00-1"}})

    def test_own(self) -> None:
        """
        Our own requests are said as they are.
        """
        self.assertEqual(said(LegacySpeech().own((("cursor", b"1"),))), {"cursor": 1})

    def test_level(self) -> None:
        """
        A legacy plugin that logs has to be asked for it.
        """
        self.assertTrue(LegacySpeech(sets_level=True).sets_level)
        self.assertFalse(LegacySpeech().sets_level or ModernSpeech(STAMP, logs=True).sets_level)

    def test_alive(self) -> None:
        """
        A plugin of either era is asked whether it lives by a method that its era has.
        """
        self.assertEqual(LegacySpeech().alive, b"ping")
        self.assertEqual(ModernSpeech(STAMP).alive, b"server/discover")


class ModernTests(SynchronousTestCase):
    """
    Tests for speaking to plugins that are told everything each time.
    """

    def test_stamp(self) -> None:
        """
        A modern plugin is told everything in each request, our own ones, too.
        """
        speech = ModernSpeech(STAMP)
        self.assertEqual(said(speech.params(call(), b"1")), {**CALL, "_meta": STAMPED})
        self.assertEqual(said(speech.own((("cursor", b"1"),))), {"cursor": 1, "_meta": STAMPED})

    def test_meta(self) -> None:
        """
        It gets a token of our own where progress is wanted, and what the client meant for it.
        """
        asked = call(progress=True, meta=members(traceparent="00-1"))
        meta = {**STAMPED, "traceparent": "00-1", "progressToken": 7}
        self.assertEqual(said(ModernSpeech(STAMP).params(asked, b"7")), {**CALL, "_meta": meta})

    def test_level(self) -> None:
        """
        A modern plugin that logs is told which messages are wanted; one that does not is not.
        """
        meta = {**STAMPED, "io.modelcontextprotocol/logLevel": "info"}
        asked = call(level="info")
        self.assertEqual(said(ModernSpeech(STAMP, logs=True).params(asked, b"1"))["_meta"], meta)
        self.assertEqual(said(ModernSpeech(STAMP).params(asked, b"1"))["_meta"], STAMPED)
        self.assertEqual(said(ModernSpeech(STAMP, logs=True).params(call(), b"1"))["_meta"], STAMPED)
