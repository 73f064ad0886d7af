# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients that open sessions and never come back.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live.process import VENV, finish

# It has to wait twice until sessions are idle and the daemon has looked for them.
_PATIENCE = 300.0

clock: Any = reactor


class AbandonedTests(TestCase):
    """
    Sessions that nobody asks for any more.
    """

    timeout = _PATIENCE + 10

    async def _abandoned(self) -> None:
        ended = await finish(clock, (str(VENV / "bin" / "python"), "-m", "tests.bench.sessions"), _PATIENCE)
        self.assertEqual(ended.code, 0, ended.said)

    def test_abandoned(self) -> Deferred[None]:
        """
        Ten thousand sessions that are abandoned take little memory and no process, and leave nothing.
        """
        return Deferred.fromCoroutine(self._abandoned())
