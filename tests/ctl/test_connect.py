# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.connect`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.far import Target
from mcpd.ctl.bridge.near import Near
from mcpd.ctl.connect import outcome_of, run, tell
from tests.ctl.bridge.stage import FarSide, Pipes
from tests.ctl.stage import Operator


@define(eq=False)
class _Reactor(Clock):
    # A reactor that runs until it is stopped, or a signal comes.
    signal: bool
    begin: list[Callable[[], object]] = field(factory=list)
    ending: list[Callable[[], object]] = field(factory=list)
    ended: list[Deferred[Any]] = field(factory=list)
    stopped: bool = False

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def callWhenRunning(self, call: Callable[..., object], *args: Any, **named: Any) -> None:
        self.begin.append(lambda: call(*args, **named))

    def addSystemEventTrigger(self, phase: str, event: str, call: Callable[[], object]) -> None:
        self.ending.append(call)

    def run(self) -> None:
        for call in self.begin:
            call()
        if self.signal:
            self._shut_down()

    def stop(self) -> None:
        if self.stopped:
            raise ReactorNotRunning
        self._shut_down()

    def _shut_down(self) -> None:
        self.stopped = True
        for call in self.ending:
            self.ended.append(maybeDeferred(call))


class ConnectTests(SynchronousTestCase):
    """
    Tests for the verb.
    """

    def _live(self, signal: bool) -> tuple[int, _Reactor]:
        reactor = _Reactor(signal)

        def pipes(near: Near, reactor: object) -> None:
            near.makeConnection(Pipes(near=near))
            if not signal:
                near.readConnectionLost()

        return run(reactor, FarSide(), Target(b"http://far/mcp"), pipes), reactor

    def test_run(self) -> None:
        """
        It ends with its client, and at a signal, well in both cases.
        """
        for signal in (False, True):
            status, reactor = self._live(signal)
            self.assertEqual((status, len(reactor.ended)), (0, 2))
            for ended in reactor.ended:
                self.successResultOf(ended)

    def test_outcome(self) -> None:
        """
        It ends with a status, or with what nobody expected.
        """
        self.assertEqual(outcome_of([1]), 1)
        self.assertRaises(ZeroDivisionError, outcome_of, [Failure(ZeroDivisionError())])

    def test_wrong(self) -> None:
        """
        What can't be done is told before anything is asked.
        """
        operator = Operator()
        ended = operator.run("connect", "--url", "nowhere")
        self.assertEqual((ended.exit_code, ended.stdout), (2, ""))
        self.assertEqual(operator.run("connect", "--url", "http://far/", "--header", "X=secret").exit_code, 2)
        ended = operator.run("connect", "--url", "http://far/", "--key-file", "/nowhere/key")
        self.assertEqual(ended.exit_code, 1)
        self.assertIn("MCPD-E-KEY", ended.stderr)
        no_authority = Path(self.mktemp())
        no_authority.write_text("nonsense")
        ended = operator.run("connect", "--url", "https://far/", "--ca", str(no_authority))
        self.assertEqual(ended.exit_code, 2)
        self.assertIn("no certificate", ended.stderr)

    def test_in_clear(self) -> None:
        """
        Who would send credentials over a network without TLS is told.
        """
        words = ("connect", "--url", "http://far/", "--header", "X=text:y", "--ca", "/nowhere/ca.pem")
        ended = Operator().run(*words)
        self.assertEqual((ended.exit_code, ended.stdout), (1, ""))
        self.assertIn("without TLS", ended.stderr)

    def test_tell(self) -> None:
        """
        What people are told is one plain line; it is lost if there is nowhere for it to go, or nobody reads.
        """
        reading, writing = os.pipe()
        with os.fdopen(reading) as there:
            with os.fdopen(writing, "w") as here:
                tell("a\nb \x1b[31m" + 2000 * "c", here)
            said = there.read()
        self.assertTrue(said.startswith("mcpctl connect: a b [31mccc"))
        self.assertEqual((said.count("\n"), len(said)), (1, 1001))
        nowhere = StringIO()
        tell("lost", nowhere)
        self.assertEqual(nowhere.getvalue(), "")

    def test_unread(self) -> None:
        """
        A client that does not read what people are told does not stop the bridge.
        """
        reading, writing = os.pipe()
        with os.fdopen(reading), os.fdopen(writing, "w") as here:
            for _ in range(200):
                tell(2000 * "c", here)
