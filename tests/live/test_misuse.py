# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients that ask for lists, streams and subscriptions as nobody should, against a real daemon.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from tests.live import proc
from tests.live.client import holds, pause
from tests.live.hostile import Ask, Table
from tests.live.test_hostile import AT_ONCE, BOUND, MISBEHAVING, Against, Bench

_WATCHED = "test://watched-resource"

clock: Any = reactor


class AskTests(Against):
    """
    The whole table of what can be asked wrongly.
    """

    async def _table(self, bench: Bench) -> None:
        newest, batching = bench.visitor(), bench.visitor()
        await newest.shake("2025-11-25")
        await batching.shake("2025-03-26")
        about = [{"Mcp-Session-Id": each.fields["Mcp-Session-Id"]} for each in (newest, batching)]
        cases = Table(about[0], about[1]).cases()
        self.assertGreater(len(cases), 120)
        pid = bench.running.pid
        files = proc.descriptors(pid)
        room = DeferredSemaphore(AT_ONCE)
        await gatherResults([room.run(self._ask, bench, case) for case in cases], consumeErrors=True)
        for each in (newest, batching):
            self.assertEqual((await each.ask("ping", {}))["result"], {})
        back = await holds(clock, lambda: proc.descriptors(pid) <= files, BOUND)
        self.assertTrue(back, f"{files} descriptors were open, now {proc.descriptors(pid)} are")

    async def _ask(self, bench: Bench, case: Ask) -> None:
        visitor = bench.visitor()
        visitor.revision = case.fields.get("MCP-Protocol-Version", "2025-11-25")
        heard = await (await visitor.send(case.verb, case.body, case.fields)).end()
        self.assertEqual(len(heard.messages), 1, f"{case.name}: {heard.body!r}")
        (message,) = heard.messages
        code = message["error"]["code"] if "error" in message else 0
        self.assertEqual((heard.status, code), case.outcome, f"{case.name}: {message}")

    def test_table(self) -> Deferred[None]:
        """
        Whatever is asked wrongly of lists, resources, streams and subscriptions is refused as it should be.
        """
        return self.play(self._table, {"echo": MISBEHAVING})


class StreamTests(Against):
    """
    Clients that open streams, and what they do with them then.
    """

    most = 8

    async def _many(self, bench: Bench) -> None:
        pid = bench.running.pid
        modern, legacy = bench.visitor(), bench.visitor()
        other = bench.visitor()
        await legacy.shake("2025-11-25")
        await other.shake("2025-11-25")
        files = proc.descriptors(pid)
        for _ in range(2):
            streams = [await modern.subscribe("tools", uris=(_WATCHED,)) for _ in range(self.most - 1)]
            streams.append(await legacy.listen())
            for refused in (
                await modern.begin("subscriptions/listen", {"notifications": {}}),
                await other.send("GET", b"", {}),
            ):
                heard = await refused.end()
                self.assertEqual((heard.status, heard.error["code"]), (503, -31103))
            for stream in streams:
                stream.close()
            self.assertTrue(await holds(clock, lambda: proc.descriptors(pid) <= files, BOUND))

    def test_many(self) -> Deferred[None]:
        """
        Who has as many streams open as he may gets no more, and has room again when he hangs up.
        """
        return self.play(self._many, {"echo": MISBEHAVING}, {"streams_per_principal": self.most})

    async def _again(self, bench: Bench) -> None:
        legacy = bench.visitor()
        await legacy.shake("2025-11-25")
        former = await legacy.listen()
        for _ in range(50):
            stream = await legacy.listen()
            self.assertTrue(await former.until(lambda: former.heard.is_over, BOUND))  # noqa: B023  awaited
            former.close()
            former = stream
        await (await bench.visitor("/mcp/echo").call("test_trigger_tool_change", {})).end()
        self.assertEqual(len(await former.wait(1)), 1)
        former.close()

    def test_again(self) -> Deferred[None]:
        """
        A session whose stream is opened again and again has one, the last, and hears what changes there.
        """
        return self.play(self._again, {"echo": MISBEHAVING}, {"streams_per_principal": 4})

    async def _moments(self, bench: Bench) -> None:
        pid = bench.running.pid
        modern, legacy = bench.visitor("/mcp/echo"), bench.visitor("/mcp/echo")
        await legacy.shake("2025-11-25")
        files = proc.descriptors(pid)
        wanted = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": [_WATCHED]}}
        for moment in range(20):
            opened = [
                await modern.begin("subscriptions/listen", wanted),
                await modern.call("test_tool_with_progress", {}),
                await legacy.call("test_tool_with_progress", {}),
                await legacy.begin("resources/subscribe", {"uri": _WATCHED}),
                await legacy.send("GET", b"", {}),
            ]
            await pause(clock, moment * 0.005)
            for stream in opened:
                stream.close()
        self.assertTrue(await holds(clock, lambda: proc.descriptors(pid) <= files, BOUND))
        stream = await legacy.listen()
        touch = await (await modern.call("misbehave_touch", {"uri": _WATCHED})).end()
        self.assertIn("content", touch.result)
        (notice,) = await stream.wait(1)
        self.assertEqual(notice["params"]["uri"], _WATCHED)
        stream.close()

    def test_moments(self) -> Deferred[None]:
        """
        Whenever a client hangs up, nothing of it stays, and its session goes on.
        """
        return self.play(self._moments, {"echo": MISBEHAVING})
