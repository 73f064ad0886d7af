# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Workers that die, hang or dawdle, and clients that are up to something: what everybody else sees of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from twisted.internet.defer import Deferred, gatherResults

from tests.live import proc
from tests.live.client import connect as connect_socket
from tests.live.client import new_fields, post
from tests.live.scene import ERAS, PATIENCE, Play, Scene, clock, plugin, text
from tests.live.stream import Visitor
from tests.web.stage import read_answers

_GONE, _LATE = -31102, -31104
_HASTE = {"call": "1s", "stop": "500ms"}
# What is said to be at once or as always, on a machine that has other things to do.
_SOON = 1.0


class EndedTests(Play):
    """
    A worker that ends in the middle of its calls.
    """

    async def _killed(self, scene: Scene) -> None:
        first = (await scene.who("one"))["pid"]
        calls = [scene.begin("one__hang", era) for era in ERAS * 4]
        await scene.until_running("one", lambda: len(calls))
        began = clock.seconds()
        os.kill(first, signal.SIGKILL)
        answers = await gatherResults(calls)
        self.assertLess(clock.seconds() - began, _SOON)
        for answer, _ in answers:
            self.assertEqual(answer["error"]["code"], _GONE)
            self.assertIn("(killed by signal 9)", answer["error"]["message"])
            self.assertTrue(answer["error"]["data"]["requestId"])
        self.assertNotEqual((await scene.who("one"))["pid"], first)
        told = await scene.only("WorkerEnded")
        self.assertEqual((told["plugin"], told["pid"], told["lost"]), ("one", first, 8))
        self.assertIn("MCPD-E-EXIT", told["why"])

    def test_killed_modern(self) -> Deferred[None]:
        """
        A modern worker's calls fail at once with the reason at kill -9, and the next call is answered.
        """
        return self.play(self._killed, {"one": plugin("modern")})

    def test_killed_legacy(self) -> Deferred[None]:
        """
        A legacy worker's calls fail at once with the reason at kill -9, and the next call is answered.
        """
        return self.play(self._killed, {"one": plugin("legacy")})

    async def _words(self, scene: Scene) -> None:
        path = str(scene.running.folder / "data base.db")
        words = f"Traceback of {sys.executable}:\nOSError: [Errno 13] Permission denied: '{path}'"
        for era in ERAS:
            answer = await scene.call("one__leave", era, words=words, status=7)
            self.assertEqual(answer["error"]["code"], _GONE)
            end = "(exit status 7; it said last: OSError: [Errno 13] Permission denied: '[path]')"
            self.assertIn(end, answer["error"]["message"])
            whole = json.dumps(answer)
            for secret in (str(scene.running.folder), "data base", sys.executable, "unruly.py", "Traceback"):
                self.assertNotIn(secret, whole)
        # The operator is told all of it.
        state = await scene.plugin("one")
        self.assertEqual((state["reason"]["code"], state["reason"]["text"]), ("MCPD-E-EXIT", "exit status 7"))
        self.assertEqual(state["said"], words.splitlines()[-1])
        await scene.until(lambda: len(scene.told("WorkerEnded")) == len(ERAS))
        self.assertEqual([line["line"] for line in scene.told("WorkerSaid")], words.splitlines() * len(ERAS))

    def test_words(self) -> Deferred[None]:
        """
        A caller reads the exit status and the last words of a worker that ended, and no path of this machine.
        """
        return self.play(self._words, {"one": plugin("modern")})


class StoppedTests(Play):
    """
    A worker that answers nothing any more, though it lives.
    """

    async def _stopped(self, scene: Scene) -> None:
        other = (await scene.ask("key create", name="other"))["key"]
        pids = [(await scene.who("one", key))["pid"] for key in ("", other)]
        self.assertEqual(len(set(pids)), 2)
        os.kill(pids[0], signal.SIGSTOP)
        calls = [scene.begin("one__who", era) for era in ERAS * 2]
        due = clock.seconds() + PATIENCE
        while not (scene.told("WorkerEnded") and all(call.called for call in calls)):
            await self._unhurt(scene, other, pids[1])
            self.assertLess(clock.seconds(), due)
        for call in calls:
            answer, took = await call
            self.assertEqual(answer["error"]["code"], _LATE)
            self.assertTrue(answer["error"]["data"]["requestId"])
            self.assertTrue(1.0 <= took < 1.0 + _SOON, took)
        told = await scene.only("WorkerEnded")
        self.assertEqual((told["plugin"], told["pid"], told["lost"]), ("one", pids[0], 0))
        self.assertIn("MCPD-E-HUNG", told["why"])
        self.assertFalse(proc.is_there(pids[0]))
        self.assertNotIn((await scene.who("one"))["pid"], pids)
        await self._unhurt(scene, other, pids[1])

    async def _unhurt(self, scene: Scene, key: str, pid: int) -> None:
        began = clock.seconds()
        self.assertEqual((await scene.who("one", key))["pid"], pid)
        await scene.who("two")
        self.assertLess(clock.seconds() - began, _SOON)

    def test_stopped_legacy(self) -> Deferred[None]:
        """
        SIGSTOP costs the calls of that one legacy worker their deadline, and nobody else anything.
        """
        return self.play(self._stopped, {"one": plugin("legacy", timeouts=_HASTE), "two": plugin("modern")})

    def test_stopped_modern(self) -> Deferred[None]:
        """
        SIGSTOP costs the calls of that one modern worker their deadline, and nobody else anything.
        """
        one = plugin("modern", timeouts=_HASTE, share="principal")
        return self.play(self._stopped, {"one": one, "two": plugin("legacy")})

    async def _slow(self, scene: Scene) -> None:
        first = (await scene.who("one"))["pid"]
        slow = scene.begin("one__hang")
        others = [scene.begin("one__wait", ERAS[turn % 2], seconds=2.5) for turn in range(15)]
        answer, took = await slow
        self.assertEqual(answer["error"]["code"], _LATE)
        self.assertTrue(1.0 <= took < 1.0 + _SOON, took)
        self.assertEqual([call for call in others if call.called], [])
        for answer, took in await gatherResults(others):
            self.assertEqual(text(answer), str(first))
            self.assertLess(took, 2.5 + _SOON)
        await scene.until(lambda: scene.told("WorkerStopped", pid=first))
        self.assertFalse(proc.is_there(first))
        ready, stopped = self._when(scene, "WorkerReady"), self._when(scene, "WorkerStopped")
        self.assertEqual((ready[0][1], len(ready), stopped[0][1]), (first, 2, first))
        self.assertLess(ready[1][0], stopped[0][0])
        self.assertEqual((await scene.who("one"))["pid"], ready[1][1])
        self.assertEqual(scene.told("WorkerEnded"), [])

    def _when(self, scene: Scene, event: str) -> list[tuple[int, int]]:
        lines = enumerate(scene.running.logged())
        return [(place, line["pid"]) for place, line in lines if line.get("event") == event]

    def test_slow(self) -> Deferred[None]:
        """
        A tool that never ends fails at its deadline; the worker does its other calls, and has a successor.
        """
        times = {"call": "30s", "stop": "500ms", "tools": {"hang": "1s"}}
        return self.play(self._slow, {"one": plugin("modern", share="all", timeouts=times)})


class ClientTests(Play):
    """
    Clients that are up to something.
    """

    async def _unknown(self, scene: Scene) -> None:
        visitor = Visitor.new(clock, scene.running.port, scene.running.key.read_text().strip())
        await visitor.shake("2025-11-25")
        session = visitor.fields["Mcp-Session-Id"]
        self.assertIn("result", await visitor.ask("tools/list", {}))
        for unknown in (session[:-1] + ("A" if session[-1] != "A" else "B"), "nobody"):
            visitor.fields["Mcp-Session-Id"] = unknown
            heard = await (await visitor.begin("tools/list", {})).end()
            self.assertEqual(heard.status, 404)
            self.assertIn("error", json.loads(heard.body))

    def test_unknown(self) -> Deferred[None]:
        """
        A session that nobody began is answered 404, so that its client begins a new one.
        """
        return self.play(self._unknown, {"one": plugin("legacy")})

    async def _forged(self, scene: Scene) -> None:
        here = f"127.0.0.1:{scene.running.port}"
        fields = new_fields("")
        del fields["Authorization"]
        evil = {"Origin": "http://evil.example"}
        cases: list[tuple[str, dict[str, str], int]] = [
            (here, {}, 200),
            (here, {"Origin": f"http://{here}"}, 200),
            ("evil.example", {}, 421),
            (f"evil.example:{scene.running.port}", evil, 421),
            (here, evil, 403),
            (here, {"Origin": "null"}, 403),
        ]
        for host, more, status in cases:
            self.assertEqual(await self._status(scene, host, {**fields, **more}), status, (host, more))

    async def _status(self, scene: Scene, host: str, fields: dict[str, str]) -> int:
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": ""},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        connection = await connect_socket(clock, scene.running.port)
        connection.send(post(host, json.dumps(body).encode(), {**fields, "Connection": "close"}))
        await connection.until(lambda: connection.closed, PATIENCE)
        (answer,) = read_answers(bytes(connection.taken))
        return answer.status

    def test_forged(self) -> Deferred[None]:
        """
        A page of another site reaches no daemon on loopback, even where no key is asked for.
        """
        return self.play(self._forged, {"one": plugin("legacy")}, "none")

    async def _knocking(self, scene: Scene) -> None:
        path = str(scene.running.runtime / "admin.sock")
        answer = json.loads(text(await scene.call("one__knock", path=path)))
        self.assertEqual(answer["error"]["data"]["code"], "MCPD-E-PEER")

    def test_knocking(self) -> Deferred[None]:
        """
        What a worker started is no operator, though it has the daemon's user and has detached itself.
        """
        return self.play(self._knocking, {"one": plugin("modern")})

    async def _abandoned(self, scene: Scene) -> None:
        pid = scene.running.pid
        before, memory = set(proc.children(pid)), proc.resident(pid)
        for _ in range(60):
            client = await scene.client("legacy")
            client.close()
        status = await scene.ask("status")
        self.assertEqual(status["sessions"], 60)
        self.assertEqual(set(proc.children(pid)), before)
        self.assertEqual(len(before), 1)
        self.assertLess(proc.resident(pid) - memory, 4 << 20)
        self.assertIn((await scene.who("one"))["pid"], before)

    def test_abandoned(self) -> Deferred[None]:
        """
        60 clients that shake hands and vanish start no process.
        """
        return self.play(self._abandoned, {"one": plugin("legacy")})
