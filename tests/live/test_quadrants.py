# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients of both eras and plugins of both eras, in real processes and over real sockets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import MODERN, Client, pause
from tests.live.daemon import Daemon
from tests.live.stream import Stream, Visitor

_ERAS = ("modern", "legacy")
_NEWEST, _BATCHING = "2025-11-25", "2025-03-26"
# The promise is half a second on a machine that has nothing else to do.
_SOON = 2.0
# After which nothing else follows.
_SILENCE = 0.3
_TOOLS = "notifications/tools/list_changed"
_UPDATED = "notifications/resources/updated"
_URI = "test://watched-resource"
_CALLS, _CLIENTS = 1000, 8

clock: Any = reactor


class QuadrantCase(TestCase):
    """
    A test with one daemon and a plugin of each era.
    """

    timeout = 120

    def play(
        self, what: Callable[[Daemon], Awaitable[None]], more: daemon.Tables | None = None
    ) -> Deferred[None]:
        """
        Do something with a daemon, which has nothing to complain of afterwards.
        """
        return Deferred.fromCoroutine(self._play(what, more))

    async def _play(self, what: Callable[[Daemon], Awaitable[None]], more: daemon.Tables | None) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugins: daemon.Tables = {
            era: {"command": daemon.fixture(era), "env": {"MCPD_FIXTURE": "hostile"}} for era in _ERAS
        }
        running = await daemon.begin(clock, folder, "required", plugins, more)
        try:
            await what(running)
            bad = [line for line in running.logged() if line["level"] in ("error", "critical")]
            self.assertEqual(bad, [])
        finally:
            await running.stop()

    async def visitor(self, running: Daemon, revision: str = MODERN, path: str = "/mcp") -> Visitor:
        """
        Make a client of a revision.
        """
        visitor = Visitor.new(clock, running.port, running.key.read_text().strip(), path)
        if revision != MODERN:
            await visitor.shake(revision)
        return visitor


class ChangeTests(QuadrantCase):
    """
    What clients hear of changes, and when.
    """

    async def _hears(self, stream: Stream, visitor: Visitor, tool: str, arguments: dict[str, str]) -> Any:
        """
        Call a tool that changes something, and give the one notice of it and how late it was.
        """
        call = await visitor.call(tool, arguments)
        answered = await call.end()
        began = clock.seconds()
        self.assertFalse(answered.result.get("isError"), answered.result)
        (notice,) = await stream.wait(1)
        took = clock.seconds() - began
        stream.heard.messages.clear()
        return notice, took

    async def _quadrant(self, running: Daemon, revision: str, era: str) -> None:
        path, other = f"/mcp/{era}", f"/mcp/{_ERAS[era == _ERAS[0]]}"
        trigger = await self.visitor(running, path=path)
        client = await self.visitor(running, revision, path)
        stream = await client.subscribe("tools", uris=(_URI,))
        deaf = [
            await (await self.visitor(running, revision, other)).subscribe("tools", uris=(_URI,)),
            await (await self.visitor(running, path=path)).subscribe("prompts"),
        ]
        whole = await (await self.visitor(running, revision)).subscribe("tools")
        for number in range(2):
            notice, listed = await self._hears(stream, trigger, "test_trigger_tool_change", {})
            self.assertEqual(notice["method"], _TOOLS)
            names = [tool["name"] for tool in (await client.ask("tools/list", {}))["result"]["tools"]]
            self.assertEqual("test_added_tool" in names, number == 0)
            notice, updated = await self._hears(stream, trigger, "misbehave_touch", {"uri": _URI})
            self.assertEqual((notice["method"], notice["params"]["uri"]), (_UPDATED, _URI))
            self.assertLess(max(listed, updated), _SOON)
            said = (
                f"{revision} client, {era} plugin: list after {listed:.3f} s, resource after {updated:.3f} s"
            )
            print(said)  # noqa: T201  what was measured
        await pause(clock, _SILENCE)
        self.assertEqual([each.heard.messages for each in (stream, *deaf)], [[], [], []])
        self.assertEqual([notice["method"] for notice in whole.heard.messages], [_TOOLS, _TOOLS])
        for each in (stream, whole, *deaf):
            each.close()

    def _check(self, revision: str) -> Deferred[None]:
        async def both(running: Daemon) -> None:
            for era in _ERAS:
                await self._quadrant(running, revision, era)

        return self.play(both)

    def test_modern(self) -> Deferred[None]:
        """
        A modern client hears at once, and once, of what it asked for, whatever era the plugin is of.
        """
        return self._check(MODERN)

    def test_legacy(self) -> Deferred[None]:
        """
        A legacy client hears at once, and once, of what it asked for, whatever era the plugin is of.
        """
        return self._check(_NEWEST)


class StreamTests(QuadrantCase):
    """
    Streams that are cut, and streams that are ended to be polled.
    """

    async def _cut(self, running: Daemon) -> None:
        for era in _ERAS:
            client = await self.visitor(running, _NEWEST, f"/mcp/{era}")
            call = await client.call("test_tool_with_progress", {})
            await call.wait(1)
            call.close()
            first, mark = list(call.heard.messages), call.heard.marks[-1]
            await pause(clock, _SILENCE)
            rest = await (await client.listen(mark)).end()
            told = [notice["params"]["progress"] for notice in (*first, *rest.notices)]
            self.assertEqual(told, [0, 50, 100])
            self.assertEqual(rest.answers[0]["id"], 1)
            self.assertIn("content", rest.result)
            self.assertEqual(len({*call.heard.marks, *rest.marks}), len([*call.heard.marks, *rest.marks]))

    def test_cut(self) -> Deferred[None]:
        """
        A client that was cut off in the middle of a call gets all the rest of it, and nothing twice.
        """
        return self.play(self._cut)

    async def _standing(self, running: Daemon) -> None:
        trigger = await self.visitor(running, path="/mcp/legacy")
        client = await self.visitor(running, _NEWEST, "/mcp/legacy")
        stream = await client.subscribe()
        self.assertTrue(await stream.until(lambda: stream.heard.marks, _SOON))
        stream.close()
        await (await trigger.call("test_trigger_tool_change", {})).end()
        await pause(clock, _SILENCE)
        again = await client.listen(stream.heard.marks[-1])
        self.assertEqual([notice["method"] for notice in await again.wait(1)], [_TOOLS])
        again.close()
        last = await client.listen(again.heard.marks[-1])
        await pause(clock, _SILENCE)
        self.assertEqual(last.heard.messages, [])
        last.close()

    def test_standing(self) -> Deferred[None]:
        """
        What changes while a client is cut off it hears when it comes back, once.
        """
        return self.play(self._standing)

    async def _polled(self, running: Daemon) -> None:
        for era in _ERAS:
            client = await self.visitor(running, _NEWEST, f"/mcp/{era}")
            began = clock.seconds()
            call = await (await client.begin("tools/call", _nap(1.5))).end()
            self.assertTrue(0.4 <= clock.seconds() - began <= _SOON, clock.seconds() - began)
            self.assertEqual((call.messages, len(call.marks)), ([], 1))
            self.assertGreater(call.retry or 0, 0)
            rest = await (await client.listen(call.marks[0])).end()
            self.assertEqual([answer["id"] for answer in rest.messages], [1])
            self.assertIn("content", rest.result)
            quick = await (await client.begin("tools/call", _nap(0.0))).end()
            self.assertEqual((len(quick.answers), quick.fields["content-type"]), (1, "application/json"))

    def test_polled(self) -> Deferred[None]:
        """
        Where it is configured, a client is sent away from a long call and finds its answer when it returns.
        """
        return self.play(self._polled, {"sessions": {"poll": "500ms"}})


class ManyTests(QuadrantCase):
    """
    Many requests at once.
    """

    async def _batch(self, running: Daemon) -> None:
        client = await self.visitor(running, _BATCHING)
        items: list[dict[str, Any]] = [
            {
                "id": era,
                "method": "tools/call",
                "params": {"name": f"{era}__echo", "arguments": {"text": era}},
            }
            for era in _ERAS
        ]
        items += [
            {"method": "notifications/cancelled", "params": {"requestId": "nothing"}},
            {"id": 3, "method": "ping"},
            {"id": 4, "method": "no/such"},
            {"id": 5, "method": "resources/subscribe", "params": {"uri": _URI}},
        ]
        plain = await (await client.post([{"jsonrpc": "2.0", **item} for item in items])).end()
        self.assertEqual(plain.fields["content-type"], "application/json")
        self.assertEqual([answer["id"] for answer in plain.messages], ["modern", "legacy", 3, 4, 5])
        self.assertEqual([answer["result"]["content"][0]["text"] for answer in plain.messages[:2]], [*_ERAS])
        self.assertEqual([*map(_outcome, plain.messages[2:])], [{}, -32601, {}])
        for item in items[:2]:
            name = f"{item['id']}__test_tool_with_progress"
            item["params"] = {"name": name, "_meta": {"progressToken": item["id"]}}
        told = await (await client.post([{"jsonrpc": "2.0", **item} for item in items])).end()
        self.assertEqual(told.fields["content-type"], "text/event-stream")
        self.assertEqual({str(answer["id"]) for answer in told.answers}, {*_ERAS, "3", "4", "5"})
        self.assertEqual(len(told.answers), 5)
        tokens = [notice["params"]["progressToken"] for notice in told.notices]
        self.assertEqual([tokens.count(era) for era in _ERAS], [3, 3])

    def test_batch(self) -> Deferred[None]:
        """
        Each request of a batch has one answer, in an array or, where there is progress, on a stream.
        """
        return self.play(self._batch)

    async def _interleaved(self, running: Daemon) -> None:
        streams = [
            await (await self.visitor(running, revision)).subscribe("tools", uris=(_URI,))
            for revision in (MODERN, _NEWEST)
        ]
        callers = [self._calls(running, number) for number in range(_CLIENTS)]
        await gatherResults([Deferred.fromCoroutine(caller) for caller in callers], consumeErrors=True)
        await pause(clock, _SILENCE)
        for stream in streams:
            said = {(notice["method"], notice["params"].get("uri")) for notice in stream.heard.messages}
            self.assertEqual(said, {(_TOOLS, None), (_UPDATED, _URI)})
            self.assertFalse(stream.closed)
            stream.close()

    async def _calls(self, running: Daemon, number: int) -> None:
        client = Client.new(clock, running.port, running.key.read_text().strip())
        if number % 2:
            await client.shake()
        for turn in range(number, _CALLS, _CLIENTS):
            era = _ERAS[turn // _CLIENTS % 2]
            answer = await client.call(f"{era}__echo", {"text": f"nonce-{turn}"})
            self.assertEqual(answer["result"]["content"][0]["text"], f"nonce-{turn}")
            # Only the first plugin's resource is served where there are both.
            if turn % 100 == 0:
                await client.call(f"{era}__test_trigger_tool_change", {})
                await client.call(f"{_ERAS[0]}__misbehave_touch", {"uri": _URI})
        client.close()

    def test_interleaved(self) -> Deferred[None]:
        """
        A thousand calls of clients of both eras have one answer each, their own, while streams are open.
        """
        return self.play(self._interleaved)


def _nap(seconds: float) -> dict[str, object]:
    return {"name": "misbehave_sleep", "arguments": {"seconds": seconds}}


def _outcome(answer: Any) -> Any:
    return answer["result"] if "result" in answer else answer["error"]["code"]
