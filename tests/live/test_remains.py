# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is left of a daemon's workers when it ends, however it ends and whatever they do: nothing.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred

from tests.live import daemon, proc
from tests.live.scene import ERAS, Play, Scene, clock, plugin

_STOP = {"stop": "300ms"}
# Three rungs of stopping, and what a machine takes that has other things to do.
_BOUND = 5.0


class RemainsTests(Play):
    """
    Workers that ignore the end of their input and SIGTERM, with and without a process that is detached.
    """

    async def _begin(self, *moods: str) -> tuple[Scene, set[int], set[int]]:
        # Gives the workers' process ids and those of what they have detached.
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        scene = await self.enter(folder, {era: plugin(era, "deaf", *moods, timeouts=_STOP) for era in ERAS})
        told = [await scene.who(era) for era in ERAS]
        return scene, {each["pid"] for each in told}, {each["orphan"] for each in told} - {0}

    async def _check_stopped(self, *moods: str) -> None:
        scene, workers, orphans = await self._begin(*moods)
        self.assertEqual(len(orphans), len(ERAS) * len(moods))
        began = clock.seconds()
        await scene.running.stop()
        # Two rungs of three, for it was not killed at once.
        self.assertTrue(0.6 <= clock.seconds() - began < _BOUND, clock.seconds() - began)
        self.assertEqual([pid for pid in workers | orphans if proc.is_there(pid)], [])

    def test_stopped(self) -> Deferred[None]:
        """
        SIGTERM of the daemon ends workers that ignore everything, in time.
        """
        return Deferred.fromCoroutine(self._check_stopped())

    def test_stopped_detached(self) -> Deferred[None]:
        """
        SIGTERM of the daemon ends what workers have detached by two forks and a session, too.
        """
        return Deferred.fromCoroutine(self._check_stopped("detach"))

    async def _kill(self, *moods: str) -> tuple[Scene, set[int]]:
        scene, workers, orphans = await self._begin(*moods)
        scene.running.signal("KILL")
        await scene.until(lambda: not any(proc.is_there(pid) for pid in {scene.running.pid, *workers}))
        return scene, orphans

    async def _check_killed(self) -> None:
        scene, _ = await self._kill()
        self.assertEqual(daemon.left_behind(scene.running.folder), [])

    def test_killed(self) -> Deferred[None]:
        """
        SIGKILL of the daemon takes workers with it that ignore everything.
        """
        return Deferred.fromCoroutine(self._check_killed())

    async def _check_swept(self) -> None:
        killed, orphans = await self._kill("detach")
        self.assertEqual([proc.is_there(pid) for pid in orphans], [True] * len(ERAS))
        scene = await self.enter(killed.running.folder, {"calm": plugin("modern")})
        told = await scene.only("LeftoversKilled")
        self.assertEqual(told["count"], len(ERAS))
        await scene.until(lambda: not any(proc.is_there(pid) for pid in orphans))
        await scene.who("calm")
        await scene.running.stop()

    def test_killed_detached(self) -> Deferred[None]:
        """
        What workers have detached before SIGKILL of the daemon is gone once the next daemon starts.
        """
        return Deferred.fromCoroutine(self._check_swept())
