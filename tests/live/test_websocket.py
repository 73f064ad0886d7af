# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients over WebSocket, of both eras, with plugins of both eras.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.conformance.call import LEVELS
from tests.live import daemon
from tests.live.client import MODERN, holds, pause
from tests.live.daemon import Daemon
from tests.live.pki import Authority
from tests.live.scenarios import Scenarios
from tests.live.scene import Scene
from tests.live.websocket import LEGACY, Refused, Talk

_ERAS = ("modern", "legacy")
_REVISIONS = (LEGACY, "2025-06-18", "2025-03-26", "2024-11-05")
_URI = "test://watched-resource"
_TOOLS, _PROMPTS = "notifications/tools/list_changed", "notifications/prompts/list_changed"
_UPDATED = "notifications/resources/updated"
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
# After which nothing else follows.
_SILENCE = 0.3
_PATIENCE = 10.0

clock: Any = reactor


class Case(TestCase):
    """
    A test with one daemon and a plugin of each era.
    """

    timeout = 120

    def play(
        self, what: Callable[[Daemon], Awaitable[None]], *, secure: bool = False, **more: dict[str, object]
    ) -> Deferred[None]:
        """
        Do something with a daemon, which has nothing to complain of afterwards.
        """
        return Deferred.fromCoroutine(self._play(what, secure, more))

    async def _play(
        self, what: Callable[[Daemon], Awaitable[None]], secure: bool, more: dict[str, dict[str, object]]
    ) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugins: daemon.Tables = {
            era: {"command": daemon.fixture(era), "env": {"MCPD_FIXTURE": "hostile"}} for era in _ERAS
        }
        self.authority: Path | None = None
        if secure:
            authority = Authority.make(folder)
            self.authority = authority.file
            more = {**more, "listen": {"tls": authority.issue("server", ("127.0.0.1",)).tls}}
        running = await daemon.begin(clock, folder, "required", plugins, more, authority=self.authority)
        self.addCleanup(running.kill)
        await what(running)
        bad = [line for line in running.logged() if line["level"] in ("error", "critical")]
        self.assertEqual(bad, [])
        await running.stop()

    async def talk(self, running: Daemon, revision: str = MODERN, path: str = "/ws") -> Talk:
        """
        Make a client of a revision.
        """
        key = running.key.read_text().strip()
        talk = await Talk.open(clock, running.port, path, key, authority=self.authority)
        self.assertEqual(talk.protocol, "mcp")
        if revision != MODERN:
            self.assertEqual((await talk.shake(revision))["protocolVersion"], revision)
        return talk

    def method(self, notice: Any) -> str:
        """
        Tell what a notice is.
        """
        told: str = notice["method"]
        return told


class CoreTests(Case):
    """
    What a client of either era does with a plugin of either era.
    """

    async def _all(self, running: Daemon, revision: str, era: str) -> None:
        talk = await self.talk(running, revision, f"/ws/{era}")
        await Scenarios(self, talk).run()
        self.assertEqual(await talk.close(), 1000)

    def _check(self, revision: str, era: str, *, secure: bool = False) -> Deferred[None]:
        return self.play(lambda running: self._all(running, revision, era), secure=secure)

    def test_modern_modern(self) -> Deferred[None]:
        """
        A modern client uses all that a modern plugin has.
        """
        return self._check(MODERN, "modern")

    def test_modern_legacy(self) -> Deferred[None]:
        """
        A modern client uses all that a legacy plugin has.
        """
        return self._check(MODERN, "legacy")

    def test_legacy_modern(self) -> Deferred[None]:
        """
        A legacy client uses all that a modern plugin has.
        """
        return self._check(LEGACY, "modern")

    def test_legacy_legacy(self) -> Deferred[None]:
        """
        A legacy client uses all that a legacy plugin has.
        """
        return self._check(LEGACY, "legacy")

    def test_secure(self) -> Deferred[None]:
        """
        The same holds over TLS, in both eras.
        """

        async def both(running: Daemon) -> None:
            await self._all(running, MODERN, "legacy")
            await self._all(running, LEGACY, "modern")

        return self.play(both, secure=True)


class LegacyTests(Case):
    """
    A connection that is a legacy client's session.
    """

    async def _lives(self, running: Daemon) -> None:
        for revision in _REVISIONS:
            talk = await self.talk(running, revision)
            self.assertEqual((await talk.ask("ping"))["result"], {})
            for level in LEVELS:
                self.assertEqual((await talk.ask("logging/setLevel", {"level": level}))["result"], {})
            self.assertEqual((await talk.ask("no/such"))["error"]["code"], -32601)
            self.assertIn("error", await talk.ask("initialize", {"protocolVersion": revision}))
            self.assertEqual((await talk.ask("ping"))["result"], {})
            self.assertEqual(await talk.close(), 1000)
        scene = Scene(running)
        status = await scene.ask("status")
        self.assertEqual((status["sessions"], status["exchanges"]), (0, 0))

    def test_life(self) -> Deferred[None]:
        """
        Each legacy revision is spoken on a connection, which is one session and ends with it.
        """
        return self.play(self._lives)

    async def _hears(self, running: Daemon) -> None:
        for era in _ERAS:
            talk = await self.talk(running, LEGACY, f"/ws/{era}")
            other = await self.talk(running, MODERN, f"/ws/{era}")
            self.assertEqual((await talk.ask("resources/subscribe", {"uri": _URI}))["result"], {})
            for _ in range(2):
                await other.call("misbehave_touch", {"uri": _URI})
                (updated,) = await talk.told(1)
                self.assertEqual((updated["method"], updated["params"]["uri"]), (_UPDATED, _URI))
                await other.call("test_trigger_tool_change")
                self.assertEqual([*map(self.method, await talk.told(1))], [_TOOLS])
            self.assertEqual((await talk.ask("resources/unsubscribe", {"uri": _URI}))["result"], {})
            await other.call("misbehave_touch", {"uri": _URI})
            await pause(clock, _SILENCE)
            self.assertEqual((talk.notices, other.notices), ([], []))
            for each in (talk, other):
                self.assertEqual(await each.close(), 1000)

    def test_changes(self) -> Deferred[None]:
        """
        A client hears of changed lists without asking, and of the resources that it subscribed to.
        """
        return self.play(self._hears)


class ModernTests(Case):
    """
    A connection of the modern era.
    """

    async def _asks(self, running: Daemon) -> None:
        talk = await self.talk(running)
        found = (await talk.ask("server/discover"))["result"]
        self.assertEqual((found["resultType"], found["supportedVersions"]), ("complete", [MODERN]))
        self.assertLessEqual({"tools", "resources", "prompts"}, found["capabilities"].keys())
        for method in ("no/such", "ping", "logging/setLevel", "resources/subscribe"):
            self.assertEqual((await talk.ask(method))["error"]["code"], -32601, method)
        version = {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}
        answer = await talk.ask("tools/list", version, envelope=False)
        self.assertEqual(answer["error"]["code"], -32602)
        self.assertIn("error", await talk.ask("initialize", {"protocolVersion": LEGACY}))
        await talk.call("modern__test_logging_tool")
        self.assertEqual(talk.notices, [])
        self.assertEqual(await talk.close(), 1000)

    def test_envelope(self) -> Deferred[None]:
        """
        Each request says for itself who asks; what lacks that, or is unknown, has an error with its id.
        """
        return self.play(self._asks)

    async def _many(self, running: Daemon) -> None:
        talk = await self.talk(running)
        tools = [f"{_ERAS[number % 2]}__echo" for number in range(60)]
        slow = talk.begin("tools/call", {"name": "modern__misbehave_sleep", "arguments": {"seconds": 0.5}})
        answers = await gatherResults(
            [Deferred.fromCoroutine(talk.call(tool, {"text": str(n)})) for n, tool in enumerate(tools)]
        )
        self.assertFalse(slow[1].called)
        said = [answer["result"]["content"][0]["text"] for answer in answers]
        self.assertEqual(said, [str(number) for number in range(60)])
        self.assertIn("result", await slow[1])
        self.assertEqual(await talk.close(), 1000)

    def test_many(self) -> Deferred[None]:
        """
        Sixty calls at once have an answer each, their own, and none waits for a slow one before it.
        """
        return self.play(self._many)

    async def _listens(self, running: Daemon) -> None:
        for era in _ERAS:
            talk = await self.talk(running, path=f"/ws/{era}")
            filters: tuple[dict[str, object], ...] = (
                {"toolsListChanged": True, "resourceSubscriptions": [_URI]},
                {"promptsListChanged": True},
            )
            numbers = [self._listen(talk, wanted) for wanted in filters]
            # The order of what belongs to different requests is nobody's promise.
            agreed = {self._whose(each): each for each in await talk.told(2)}
            self.assertEqual({*map(self.method, agreed.values())}, {_ACKNOWLEDGED})
            honoured = [agreed[number]["params"]["notifications"] for number in numbers]
            self.assertEqual(honoured, [*filters])
            for tool, method, number in (
                ("test_trigger_tool_change", _TOOLS, numbers[0]),
                ("test_trigger_prompt_change", _PROMPTS, numbers[1]),
                ("misbehave_touch", _UPDATED, numbers[0]),
            ):
                await talk.call(tool)
                (notice,) = await talk.told(1)
                self.assertEqual((notice["method"], self._whose(notice)), (method, number))
            talk.tell("notifications/cancelled", {"requestId": numbers[0]})
            for tool in ("test_trigger_tool_change", "test_trigger_prompt_change"):
                await talk.call(tool)
            await pause(clock, _SILENCE)
            self.assertEqual([*map(self.method, talk.notices)], [_PROMPTS])
            self.assertEqual(await talk.close(), 1000)

    def _listen(self, talk: Talk, wanted: dict[str, object]) -> int:
        number, answer = talk.begin("subscriptions/listen", {"notifications": wanted})
        answer.addErrback(lambda failure: None)
        return number

    def _whose(self, notice: Any) -> object:
        return notice["params"]["_meta"][_SUBSCRIPTION]

    def test_subscriptions(self) -> Deferred[None]:
        """
        Two subscriptions on one connection hear what each asked for, until one of them is cancelled.
        """
        return self.play(self._listens)


class EndTests(Case):
    """
    What ends, and what that ends.
    """

    async def _begun(self, scene: Scene, talk: Talk, era: str) -> int:
        number, answer = talk.begin(
            "tools/call", {"name": f"{era}__misbehave_sleep", "arguments": {"seconds": 60}}
        )
        answer.addErrback(lambda failure: None)
        await scene.until_running(era, lambda: 1)
        return number

    async def _idle(self, scene: Scene, era: str) -> None:
        due = clock.seconds() + _PATIENCE
        while sum(worker["running"] for worker in (await scene.plugin(era))["workers"]):
            self.assertLess(clock.seconds(), due)

    async def _cancels(self, running: Daemon) -> None:
        scene = Scene(running)
        for revision in (MODERN, LEGACY):
            talk = await self.talk(running, revision)
            for era in _ERAS:
                number = await self._begun(scene, talk, era)
                talk.tell("notifications/cancelled", {"requestId": number, "reason": "enough"})
                await self._idle(scene, era)
            self.assertIn("result", await talk.ask("tools/list"))
            self.assertEqual(await talk.close(), 1000)

    def test_cancelled(self) -> Deferred[None]:
        """
        A notice cancels a call at the plugin, has no answer, and the connection goes on, in both eras.
        """
        return self.play(self._cancels)

    async def _cuts(self, running: Daemon) -> None:
        scene = Scene(running)
        for revision in (MODERN, LEGACY):
            for era in _ERAS:
                talk = await self.talk(running, revision)
                await self._begun(scene, talk, era)
                talk.cut()
                await self._idle(scene, era)
        status = await scene.ask("status")
        self.assertEqual((status["sessions"], status["exchanges"]), (0, 0))

    def test_cut(self) -> Deferred[None]:
        """
        A connection that breaks cancels what is in flight at the plugin, and ends its session.
        """
        return self.play(self._cuts)

    async def _stops(self, running: Daemon) -> None:
        idle, busy = [await self.talk(running, revision) for revision in (MODERN, LEGACY)]
        answer = busy.begin("tools/call", {"name": "modern__misbehave_sleep", "arguments": {"seconds": 1.0}})[
            1
        ]
        await Scene(running).until_running("modern", lambda: 1)
        running.signal("TERM")
        self.assertIn("result", await answer)
        self.assertTrue(await holds(clock, lambda: None not in (idle.code, busy.code), _PATIENCE))
        self.assertEqual((idle.code, busy.code), (1001, 1001))

    def test_stop(self) -> Deferred[None]:
        """
        A daemon that stops closes what is idle as going away, and what is busy after its answer.
        """
        return self.play(self._stops)

    async def _refuses(self, running: Daemon) -> None:
        for path, key, status in (("/ws", "", 401), ("/ws", "mcpd_x_y", 401), ("/ws?ticket=x", "", 401)):
            failed = await self.assertFailure(
                Deferred.fromCoroutine(Talk.open(clock, running.port, path, key)), Refused
            )
            self.assertIn(str(status), str(failed))

    def test_refused(self) -> Deferred[None]:
        """
        Who has no good credentials has a plain answer that says so, and no WebSocket.
        """
        return self.play(self._refuses)
