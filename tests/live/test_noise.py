# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Workers that say too much, too little, or the wrong thing: what everybody else sees of it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.live import proc
from tests.live.scene import ERAS, Play, Scene, clock, plugin, text
from tests.live.unruly import NOISE, large

_MIB = 1 << 20
_GONE, _UNAVAILABLE, _LATE = -31102, -31103, -31104
_SOON = 2.0


class SaidTests(Play):
    """
    What workers write to their standard output.
    """

    async def _large(self, scene: Scene) -> None:
        for era in ERAS:
            for name in ERAS:
                answer, took = await scene.begin(f"{name}__large", era, size=_MIB)
                self.assertEqual(text(answer).encode(), large(_MIB).encode())
                self.assertLess(took, _SOON)

    def test_large(self) -> Deferred[None]:
        """
        A result of one megabyte comes as it was sent, from plugins and to clients of either era.
        """
        return self.play(self._large, {era: plugin(era) for era in ERAS})

    async def _noisy(self, scene: Scene) -> None:
        for name in ERAS:
            for _ in range(3):
                told = await scene.who(name)
            # Before the handshake, in it, and at each call.
            self.assertGreaterEqual(told["noise"], 6 * len(NOISE))
            (worker,) = (await scene.plugin(name))["workers"]
            self.assertEqual((worker["pid"], worker["noise"]), (told["pid"], told["noise"]))
            line = await scene.only("WorkerNoise", plugin=name)
            self.assertEqual((line["pid"], line["line"]), (told["pid"], "Downloading the model..."))
            journal = [each["text"] for each in await scene.ask("logs", count=100, plugin=name)]
            self.assertEqual(len([each for each in journal if "is not MCP" in each and name in each]), 1)

    def test_noisy(self) -> Deferred[None]:
        """
        What is not MCP disturbs nothing at any time; it is counted, and told once with the plugin's name.
        """
        return self.play(self._noisy, {era: plugin(era, "noisy") for era in ERAS})

    async def _endless(self, scene: Scene) -> None:
        first = (await scene.who("one"))["pid"]
        calls = [scene.begin("one__hang", "legacy")]
        await scene.until_running("one", lambda: 1)
        calls.append(scene.begin("one__endless"))

        async def ended() -> None:
            for call in calls:
                answer, _ = await call
                self.assertEqual(answer["error"]["code"], _GONE)

        self.assertLess(await scene.growth(ended()), 8 * _MIB)
        told = await scene.only("WorkerEnded")
        self.assertEqual((told["plugin"], told["pid"]), ("one", first))
        self.assertIn("MCPD-E-LINE", told["why"])
        self.assertFalse(proc.is_there(first))
        self.assertEqual((await scene.plugin("one"))["reason"]["code"], "MCPD-E-LINE")
        self.assertNotEqual((await scene.who("one"))["pid"], first)

    def test_endless(self) -> Deferred[None]:
        """
        A worker whose line has no end is killed with the reason, and its next call is answered.
        """
        return self.play(self._endless, {"one": plugin("modern", limits={"message": "1M"})})

    async def _flooded(self, scene: Scene, short: bool = False) -> None:
        since = clock.seconds()
        pid = int(text(await scene.call("one__flood", short=short)))

        async def others() -> None:
            # What is dropped is told once a second.
            while clock.seconds() - since < 2.5:
                began = clock.seconds()
                await scene.who("calm")
                self.assertLess(clock.seconds() - began, _SOON)

        self.assertLess(await scene.growth(others()), 16 * _MIB)
        dropped = [line["bytes"] for line in scene.told("WorkerSilenced", plugin="one", pid=pid)]
        self.assertGreater(min(dropped, default=0), 0)
        # What was not is bounded (limits.stderr), and another second's worth may be on its way.
        said = sum(len(line["line"]) for line in scene.told("WorkerSaid", plugin="one"))
        self.assertLess(said, (clock.seconds() - since + 1) * (64 << 10))
        (ended,) = scene.told("WorkerEnded", plugin="one", pid=pid)
        self.assertIn("MCPD-E-FLOOD", ended["why"])

    def test_flooded_modern(self) -> Deferred[None]:
        """
        Floods of notices and of standard error drown no other plugin: the rest is counted, and they end.
        """
        return self.play(self._flooded, {"one": plugin("modern"), "calm": plugin("legacy")})

    def test_flooded_legacy(self) -> Deferred[None]:
        """
        So it is if the plugin is a legacy one.
        """
        return self.play(self._flooded, {"one": plugin("legacy"), "calm": plugin("modern")})

    def test_flooded_short(self) -> Deferred[None]:
        """
        So it is if each line is as short as can be, and none on standard output is MCP.
        """
        plugins = {"one": plugin("modern"), "calm": plugin("legacy")}
        return self.play(lambda scene: self._flooded(scene, True), plugins)

    async def _answers(self, scene: Scene) -> None:
        for name in ERAS:
            first = (await scene.who(name))["pid"]
            for era in ERAS:
                self.assertEqual(text(await scene.call(f"{name}__twice", era)), "one")
                self.assertEqual(text(await scene.call(f"{name}__foreign", era)), "yours")
                late: Any = await scene.call(f"{name}__late", era)
                self.assertEqual(late["error"]["code"], _LATE)
                self.assertEqual((await scene.who(name))["pid"], first)
        self.assertEqual(scene.told("WorkerRetired"), [])

    def test_answers(self) -> Deferred[None]:
        """
        Second, foreign and late answers change nothing: each call has its own, and the worker stays.
        """
        times = {"stop": "2s", "tools": {"late": "500ms"}}
        return self.play(self._answers, {era: plugin(era, timeouts=times) for era in ERAS})


class UnreadTests(Play):
    """
    A worker that never reads.
    """

    async def _unread(self, scene: Scene) -> None:
        first = int(text(await scene.call("one__numb")))
        calls: list[Deferred[Any]] = []

        async def send() -> None:
            for turn in range(16):
                calls.append(scene.begin("one__who", ERAS[turn % 2], padding="x" * _MIB))
                await scene.until_running("one", lambda: sum(not call.called for call in calls))

        self.assertLess(await scene.growth(send()), 12 * _MIB)
        codes = [(await call)[0]["error"]["code"] for call in calls]
        self.assertLessEqual(set(codes), {_UNAVAILABLE, _LATE})
        # Those that the bound has room for.
        self.assertLessEqual(codes.count(_LATE), 3)
        told = await scene.only("WorkerEnded")
        self.assertEqual((told["plugin"], told["pid"]), ("one", first))
        self.assertFalse(proc.is_there(first))
        self.assertNotEqual((await scene.who("one"))["pid"], first)

    def test_unread(self) -> Deferred[None]:
        """
        What a worker does not read takes no more memory than it may, and the worker is replaced.
        """
        limits, times = {"unread": "2M"}, {"call": "4s", "stop": "500ms"}
        return self.play(self._unread, {"one": plugin("modern", limits=limits, timeouts=times)})
