# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tools that do what no plugin should.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.client import Client, Left
from tests.conformance.legacy import Legacy
from tests.conformance.misbehave import FOREIGN


class MisbehaveTests(SynchronousTestCase):
    """
    Each misbehaviour, as a client sees it.
    """

    def setUp(self) -> None:
        """
        Make a hostile fixture.
        """
        self.client = Client(Legacy, "hostile")
        self.client.greet()
        self.client.said.clear()

    def ids(self) -> list[object]:
        """
        Tell the ids of what was answered.
        """
        return [said["id"] for said in self.client.said if "result" in said]

    def test_echo(self) -> None:
        """
        A text comes back as it was.
        """
        self.assertEqual(
            self.client.call("echo", text="\u00e9\n")["result"]["content"][0]["text"], "\u00e9\n"
        )

    def test_exit(self) -> None:
        """
        It can exit in the middle of a call, with any code.
        """
        caught = self.assertRaises(Left, self.client.call, "misbehave_exit", code=7)
        self.assertEqual(caught.args, (7,))
        self.assertEqual(self.ids(), [])

    def test_hang(self) -> None:
        """
        It can leave a call without an answer.
        """
        self.client.hear(id=1, method="tools/call", params={"name": "misbehave_hang"})
        self.assertEqual(self.ids(), [])

    def test_twice(self) -> None:
        """
        It can answer twice.
        """
        self.client.call("misbehave_twice")
        self.assertEqual(self.ids(), [1, 1])

    def test_foreign(self) -> None:
        """
        It can answer what nobody asked.
        """
        self.client.call("misbehave_foreign")
        self.assertEqual(self.ids(), [FOREIGN, 1])

    def test_late(self) -> None:
        """
        It can answer after it was cancelled.
        """
        self.client.on_wait = lambda seconds: self.client.hear(
            method="notifications/cancelled", params={"requestId": 1}
        )
        self.client.call("misbehave_late")
        self.assertEqual(self.ids(), [1])

    def test_garbage(self) -> None:
        """
        It can write what is not JSON.
        """
        self.client.call("misbehave_garbage")
        self.assertEqual((self.client.raw, self.ids()), (b"this is not JSON\n", [1]))

    def test_endless(self) -> None:
        """
        It can write a line without an end, as long as it is told to.
        """
        self.client.hear(
            id=1, method="tools/call", params={"name": "misbehave_endless", "arguments": {"bytes": 100000}}
        )
        self.assertEqual((self.client.raw, self.ids()), (b"x" * 100000, []))

    def test_stderr(self) -> None:
        """
        It can flood its standard error, with as much as it is told to.
        """
        self.client.call("misbehave_stderr", bytes=200000)
        self.assertEqual((len(self.client.complained), self.ids()), (200000, [1]))

    def test_progress(self) -> None:
        """
        It can flood its progress.
        """
        params = {"name": "misbehave_progress", "arguments": {"count": 50}, "_meta": {"progressToken": "t"}}
        self.client.hear(id=1, method="tools/call", params=params)
        self.assertEqual(len(self.client.said), 51)

    def test_spawn(self) -> None:
        """
        It can leave a child behind that holds its pipes.
        """
        self.client.call("misbehave_spawn", seconds=5.0, away=True)
        [(command, away)] = self.client.spawned
        self.assertTrue(away)
        self.assertIn("sleep(5.0)", command[-1])

    def test_sleep(self) -> None:
        """
        It can take as long as it is told to, in whole seconds or fractions.
        """
        waits: list[float | None] = []
        self.client.on_wait = waits.append
        self.client.call("misbehave_sleep", seconds=2.5)
        self.client.call("misbehave_sleep", seconds=2)
        self.assertEqual((waits, self.ids()), ([2.5, 2], [1, 1]))

    def test_touch(self) -> None:
        """
        A resource can be said to have changed.
        """
        self.client.ask("resources/subscribe", uri="test://watched-resource")
        self.client.call("misbehave_touch")
        self.assertIn("notifications/resources/updated", [said.get("method") for said in self.client.said])
