# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the fixtures of both eras have in common.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.client import Client, Left
from tests.conformance.legacy import Legacy
from tests.conformance.machine import Message
from tests.conformance.modern import Modern
from tests.conformance.plugin import live


class PluginTests(SynchronousTestCase):
    """
    Requests and moods.
    """

    def test_bad_call(self) -> None:
        """
        A call without a name, or with arguments that are no object, is refused.
        """
        client = Client(Legacy)
        client.greet()
        bad: list[Message] = [{}, {"name": "echo", "arguments": []}]
        for params in bad:
            self.assertEqual(client.ask("tools/call", **params)["error"]["code"], -32602)

    def test_discover_exit(self) -> None:
        """
        A fixture may exit at the probe, as some real plugins do.
        """
        for kind in (Legacy, Modern):
            self.assertRaises(Left, Client(kind, "discover-exit").modern, "server/discover")

    def test_discover_hang(self) -> None:
        """
        A fixture may never answer the probe.
        """
        for kind in (Legacy, Modern):
            client = Client(kind, "discover-hang")
            client.hear(id=1, method="server/discover", params=_envelope())
            self.assertEqual(client.said, [])

    def test_live(self) -> None:
        """
        A fixture answers line by line and ends at the end of input.
        """
        client = Client(Legacy)
        code = live(client.plugin, [b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'])
        self.assertEqual((code, client.said), (0, [{"jsonrpc": "2.0", "id": 1, "result": {}}]))

    def test_crash(self) -> None:
        """
        A fixture may crash at start and say so.
        """
        client = Client(Legacy, "crash")
        self.assertEqual(live(client.plugin, []), 1)
        self.assertIn(b"crashes", client.complained)

    def test_stubborn(self) -> None:
        """
        A fixture may ignore SIGTERM, and its end of input for ten minutes.
        """
        client, waits = Client(Legacy, "ignore-term", "ignore-eof"), list[float | None]()
        client.on_wait = waits.append
        self.assertEqual(live(client.plugin, []), 0)
        self.assertEqual((client.deaf, waits), (True, [600.0]))

    def test_foreign_cancel(self) -> None:
        """
        Cancelling what does not run changes nothing.
        """
        client = Client(Legacy)
        client.hear(method="notifications/cancelled", params={"requestId": 9})
        self.assertEqual(client.said, [])


def _envelope() -> Message:
    meta = "io.modelcontextprotocol/"
    return {"_meta": {f"{meta}protocolVersion": "2026-07-28", f"{meta}clientCapabilities": {}}}
