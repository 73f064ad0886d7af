# -*- test-case-name: plugins.files.tests.test_subscriptions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.subscriptions`: who is told of which file, in both eras.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote

from plugins.files.beneath.call import Json
from plugins.files.beneath.eras import META
from plugins.files.beneath.subscriptions import NAMED, STREAMS
from plugins.files.beneath.watching import WATCHES
from plugins.files.tests.test_server import MODERN_META, Conversation

UPDATED = "notifications/resources/updated"
SUBSCRIPTION = META + "subscriptionId"


class Subscribing(Conversation):
    """
    A client that wants to hear of files.
    """

    def uri(self, path: str = "a.txt") -> str:
        """
        Tell the URI of a file beneath the root.
        """
        return f"file://{quote(str(self.docs))}/{path}"

    def changes(self, path: str = "a.txt") -> list[Json]:
        """
        Change a file; gives what is said.
        """
        with (self.docs / path).open("ab") as file:
            file.write(b"more\n")
        self.server.watcher.look()
        return self.flush()


class LegacyTests(Subscribing):
    """
    One request for each file.
    """

    def test_subscribe(self) -> None:
        """
        Who has subscribed is told, once for each change, until it unsubscribes; all answers are empty.
        """
        self.greet()
        for _ in range(2):
            self.assertEqual(self.request("resources/subscribe", uri=self.uri())["result"], {})
        notice = {"jsonrpc": "2.0", "method": UPDATED, "params": {"uri": self.uri()}}
        self.assertEqual(self.changes(), [notice])
        self.assertEqual(self.changes("guide/intro.md"), [])
        for _ in range(2):
            self.assertEqual(self.request("resources/unsubscribe", uri=self.uri())["result"], {})
        self.assertEqual(self.changes(), [])

    def test_removed(self) -> None:
        """
        A file that goes away is told, too.
        """
        self.greet()
        self.request("resources/subscribe", uri=self.uri())
        (self.docs / "a.txt").unlink()
        self.server.watcher.look()
        self.assertEqual(self.flush()[0]["params"], {"uri": self.uri()})

    def test_refused(self) -> None:
        """
        What is not there is -32002 with its URI; what is no URI, or comes in the other era, is refused.
        """
        self.greet()
        for uri in (self.uri("nothing"), self.uri("guide"), "file:///etc/passwd"):
            error = self.request("resources/subscribe", uri=uri)["error"]
            self.assertEqual((error["code"], error["data"]), (-32002, {"uri": uri}))
        self.assertEqual(self.request("resources/subscribe", uri=5)["error"]["code"], -32602)
        self.assertEqual(self.modern("resources/subscribe", uri=self.uri())["error"]["code"], -32601)


class ModernTests(Subscribing):
    """
    Streams.
    """

    def listen(self, identity: Any, wanted: Any) -> list[Json]:
        """
        Open a stream; gives what is said to that.
        """
        params = {"_meta": MODERN_META, "notifications": wanted}
        message = {"jsonrpc": "2.0", "id": identity, "method": "subscriptions/listen", "params": params}
        return self.send(message)

    def cancel(self, identity: Any) -> list[Json]:
        """
        Cancel a request.
        """
        params = {"requestId": identity}
        return self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})

    def agreed(self, identity: Any, wanted: Any) -> Any:
        """
        Open a stream; gives what the server agrees to.
        """
        (notice,) = self.listen(identity, wanted)
        self.assertEqual(notice["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(notice["params"]["_meta"], {SUBSCRIPTION: identity})
        return notice["params"]["notifications"]

    def test_listen(self) -> None:
        """
        A stream is acknowledged first and then told its files alone, with its id, until it is cancelled.
        """
        for identity in (0, "s"):
            self.assertEqual(
                self.agreed(identity, {"resourceSubscriptions": [self.uri(), self.uri()]}),
                {"resourceSubscriptions": [self.uri()]},
            )
        self.agreed(5, {"resourceSubscriptions": [self.uri("guide/intro.md")]})
        told = self.changes()
        self.assertEqual({notice["method"] for notice in told}, {UPDATED})
        self.assertEqual(
            [notice["params"] for notice in told],
            [{"uri": self.uri(), "_meta": {SUBSCRIPTION: identity}} for identity in (0, "s")],
        )
        self.assertEqual((self.cancel(0), self.cancel("s")), ([], []))
        self.assertEqual(self.changes(), [])
        self.assertEqual(len(self.changes("guide/intro.md")), 1)

    def test_agreed(self) -> None:
        """
        What is not there, and lists, which do not tell that they changed, are left out of the answer.
        """
        uris = [self.uri("nothing"), self.uri(), "file:///etc/passwd"]
        wanted = {"resourceSubscriptions": uris, "toolsListChanged": True, "resourcesListChanged": True}
        self.assertEqual(self.agreed(1, wanted), {"resourceSubscriptions": [self.uri()]})
        self.assertEqual(self.agreed(2, {"toolsListChanged": True}), {})

    def test_bounds(self) -> None:
        """
        Files, streams and names are bounded, and there is room again when a stream ends.
        """
        for number in range(WATCHES + 1):
            self.put(f"many/{number}", b"x")
        many = [self.uri(f"many/{number}") for number in range(WATCHES + 1)]
        agreed = self.agreed(0, {"resourceSubscriptions": many})["resourceSubscriptions"]
        self.assertEqual(agreed, many[:WATCHES])
        self.assertEqual(
            self.agreed(1, {"resourceSubscriptions": [self.uri()]}), {"resourceSubscriptions": []}
        )
        self.cancel(0)
        beyond = [self.uri(f"none/{number}") for number in range(NAMED)] + [self.uri()]
        self.assertEqual(self.agreed(2, {"resourceSubscriptions": beyond}), {"resourceSubscriptions": []})
        for number in range(3, STREAMS + 1):
            self.agreed(number, {})
        (refused,) = self.listen(99, {})
        self.assertEqual(refused["error"]["code"], -32603)
        self.cancel(1)
        self.agreed(99, {})

    def test_refused(self) -> None:
        """
        A filter that is none is refused, and so is an id that is in use, by a stream or a call.
        """
        filters: tuple[Any, ...] = (None, [], {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [5]})
        for wanted in filters:
            (answer,) = self.listen(1, wanted)
            self.assertEqual(answer["error"]["code"], -32602, wanted)
        self.agreed(1, {})
        self.assertEqual(self.listen(1, {})[0]["error"]["code"], -32600)
        self.assertEqual(self.modern("tools/call", name="list")["error"]["code"], -32600)
        self.call("list", 7)
        self.assertEqual(self.listen(7, {})[0]["error"]["code"], -32600)

    def test_end(self) -> None:
        """
        When the server ends, each stream is answered, and tells nothing after that.
        """
        self.agreed(1, {"resourceSubscriptions": [self.uri()]})
        self.server.finish(0)
        (answer,) = self.run_all()
        self.assertEqual((answer["id"], answer["result"]["resultType"]), (1, "complete"))
        self.assertEqual(answer["result"]["_meta"][SUBSCRIPTION], 1)
        self.assertEqual(self.changes(), [])

    def test_end_patiently(self) -> None:
        """
        It waits until that is said.
        """
        self.agreed(1, {})
        waited = threading.Thread(target=self.server.finish, args=(60,))
        waited.start()
        while not self.waiting:
            waited.join(0.001)
        self.waiting.pop()()
        waited.join(60)
        self.assertEqual((len(self.flush()), waited.is_alive()), (1, False))
