# -*- test-case-name: tests.relay.test_reception -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.reception`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from mcpd.events import Incident
from mcpd.relay.spec import CatalogLimits
from mcpd.testing.client import text
from mcpd.units import Wait
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.level import LEVELS
from mcpd.wire.message import Refusal
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import LEGACY_NAMES
from tests.relay.goods import prompt, resource, template
from tests.relay.stage import ENVELOPE, PAGE, SERVER_INFO, TOOLS, House, Plugin, Way, stock

OURS = {"name": "mcpd", "title": "mcpd", "version": __version__}
CHANGES = {"listChanged": True}
EVERYTHING = {
    "tools": CHANGES,
    "prompts": CHANGES,
    "resources": {**CHANGES, "subscribe": True},
    "completions": {},
    "logging": {},
}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
MANY = 2 * PAGE + 1
GOODS: dict[str, Any] = {
    "prompts": tuple(prompt(f"prompt{number}") for number in range(MANY)),
    "resources": tuple(resource(f"x://{number}") for number in range(MANY)),
    "templates": tuple(template(f"y{number}://{{id}}") for number in range(MANY)),
}


def full() -> House:
    """
    Make a house with seven things on each list.
    """
    house = House()
    house.offer(*[{"name": f"tool{number}"} for number in range(MANY)], **GOODS)
    return house


class HandshakeTests(SynchronousTestCase):
    """
    Tests for ``initialize`` and what it makes.
    """

    def setUp(self) -> None:
        """
        Have a house.
        """
        self.house = House()

    def initialize(self, **params: Any) -> Way:
        """
        Shake hands with these parameters.
        """
        return self.house.take(text("initialize", params, "i"), {})

    def test_result(self) -> None:
        """
        A client that shakes hands is told the revision, what there is and who we are, and nothing modern.
        """
        way = self.initialize(protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "x"})
        self.assertEqual(
            way.result, {"protocolVersion": "2025-06-18", "capabilities": EVERYTHING, "serverInfo": OURS}
        )
        self.assertEqual(way.given.status, 200)

    def test_negotiation(self) -> None:
        """
        A legacy version is agreed to; any other is answered with the newest legacy one.
        """
        for version in LEGACY_NAMES:
            self.assertEqual(self.initialize(protocolVersion=version).result["protocolVersion"], version)
        for version in ("2026-07-28", "2099-01-01", "1.0.0", "", "2025-11-25 "):
            way = self.initialize(protocolVersion=version)
            self.assertEqual(way.result["protocolVersion"], "2025-11-25", version)

    def test_version_missing(self) -> None:
        """
        A handshake without a version is refused, and makes no session.
        """
        values: tuple[Any, ...] = ({}, {"protocolVersion": None}, {"protocolVersion": 20251125})
        for params in values:
            self.assertEqual(self.initialize(**params).error, (200, -32602))
        self.assertEqual(len(self.house.sessions), 0)

    def test_instructions(self) -> None:
        """
        What plugins tell models about themselves is told in the handshake and by discover.
        """
        self.house.offer(instructions="Ask.")
        way = self.initialize(protocolVersion="2025-11-25")
        self.assertEqual(way.result["instructions"], "# p\n\nAsk.")
        self.assertEqual(self.house.modern("server/discover").result["instructions"], "# p\n\nAsk.")
        alone = self.house.modern("server/discover", path=b"/mcp/p")
        self.assertEqual(alone.result["instructions"], "Ask.")

    def test_capabilities(self) -> None:
        """
        Clients of both eras are told what some plugin does, and nothing else; tools, where all are, always.
        """
        cases: tuple[tuple[set[Feature], dict[str, Any]], ...] = (
            ({Feature.TOOLS}, {"tools": CHANGES}),
            ({Feature.PROMPTS, Feature.COMPLETIONS}, {"prompts": CHANGES, "completions": {}}),
            ({Feature.RESOURCES}, {"resources": CHANGES}),
            ({Feature.RESOURCES, Feature.SUBSCRIBE}, {"resources": {**CHANGES, "subscribe": True}}),
            ({Feature.LOGGING}, {"logging": {}}),
            (set(), {}),
        )
        for features, told in cases:
            self.house.offer(features=frozenset(features))
            body = text("initialize", {"protocolVersion": "2025-11-25"}, 1)
            for path, expected in ((b"/mcp/p", told), (b"/mcp", {"tools": CHANGES, **told})):
                legacy = self.house.take(body, {}, path=path).result
                self.assertEqual(legacy["capabilities"], expected)
                modern = self.house.modern("server/discover", path=path).result
                self.assertEqual(modern["capabilities"], expected)

    def test_fixation(self) -> None:
        """
        A session's id is always ours: one that a client brings along is not taken over.
        """
        body = text("initialize", {"protocolVersion": "2025-11-25"}, 1)
        way = self.house.take(body, {b"mcp-session-id": b"mine"})
        ((_, session),) = way.given.fields
        self.assertNotEqual(session, b"mine")
        self.assertEqual(self.house.legacy(b"mine", "ping").error[0], 404)

    def test_no_door(self) -> None:
        """
        Where the door has no header fields a legacy client has no session.
        """
        self.assertEqual(self.house.take(text("ping", {}, 1)).error, (400, -32600))
        self.assertEqual(self.house.take(text("notifications/initialized")).error, (400, -32600))
        self.assertIn("result", self.house.take(text("tools/list", {"_meta": ENVELOPE}, 1)).given.message)


class ListTests(SynchronousTestCase):
    """
    Tests for lists, page by page.
    """

    def setUp(self) -> None:
        """
        Have a session, and something to be listed.
        """
        self.house = full()
        self.session = self.house.shake()

    def ask(self, era: str, sort: Sort, params: Any = None) -> Way:
        """
        Ask for a page in one of the eras.
        """
        if era == "modern":
            return self.house.modern(sort.method, params)
        return self.house.legacy(self.session, sort.method, params)

    def cursor(self, sort: Sort = Sort.TOOLS, **rest: Any) -> Any:
        """
        Tell the cursor on the first page.
        """
        return self.house.modern(sort.method, **rest).result["nextCursor"]

    def test_tools(self) -> None:
        """
        Both eras are given the tools, and each the members that it knows.
        """
        self.house.offer(*TOOLS)
        tools = [{**definition, "name": f"p__{definition['name']}"} for definition in TOOLS]
        self.assertEqual(self.ask("legacy", Sort.TOOLS).result, {"tools": tools})
        expected = {"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private"}
        self.assertEqual(self.ask("modern", Sort.TOOLS).result, expected | {"_meta": {SERVER_INFO: OURS}})

    def test_pages(self) -> None:
        """
        Whatever is listed is given page by page, each thing once and in order, and the last has no cursor.
        """
        for era in ("legacy", "modern"):
            for sort, first in (
                (Sort.TOOLS, "p__tool0"),
                (Sort.PROMPTS, "p__prompt0"),
                (Sort.RESOURCES, "x://0"),
                (Sort.TEMPLATES, "y0://{id}"),
            ):
                pages: list[list[str]] = []
                params: dict[str, Any] = {}
                while not pages or params:
                    result = self.ask(era, sort, params).result
                    pages.append([item[sort.key] for item in result[sort.member]])
                    params = {"cursor": result["nextCursor"]} if "nextCursor" in result else {}
                self.assertEqual([len(page) for page in pages], [PAGE, PAGE, 1])
                names = [name for page in pages for name in page]
                self.assertEqual(names, [first.replace("0", str(number)) for number in range(MANY)])

    def test_own_path(self) -> None:
        """
        At its own path a plugin's things have its own names.
        """
        for sort, first in ((Sort.TOOLS, "tool0"), (Sort.PROMPTS, "prompt0"), (Sort.RESOURCES, "x://0")):
            result = self.house.modern(sort.method, path=b"/mcp/p").result
            self.assertEqual(result[sort.member][0][sort.key], first)

    def test_change(self) -> None:
        """
        A client that goes on after the list has changed goes on behind what it had last.
        """
        cursor = self.cursor()
        self.house.offer({"name": "new"}, *[{"name": f"tool{number}"} for number in range(MANY)])
        result = self.ask("modern", Sort.TOOLS, {"cursor": cursor}).result
        self.assertEqual([item["name"] for item in result["tools"]], ["p__tool3", "p__tool4", "p__tool5"])

    def test_restart(self) -> None:
        """
        A cursor holds over a restart, and from one era to the other.
        """
        cursor, self.house = self.cursor(), full()
        self.session = self.house.shake()
        for era in ("legacy", "modern"):
            result = self.ask(era, Sort.TOOLS, {"cursor": cursor}).result
            self.assertEqual(result["tools"][0]["name"], "p__tool3")

    def test_foreign(self) -> None:
        """
        A cursor of another principal, path or list is refused.
        """
        for cursor in (
            self.cursor(caller="key:b"),
            self.cursor(path=b"/mcp/p"),
            self.cursor(Sort.PROMPTS),
        ):
            for era in ("legacy", "modern"):
                self.assertEqual(self.ask(era, Sort.TOOLS, {"cursor": cursor}).error, (200, -32602))
        self.assertIn("tools", self.ask("modern", Sort.TOOLS, {"cursor": self.cursor()}).result)

    def test_bad_cursor(self) -> None:
        """
        What is no cursor of ours is refused in both eras, for every list.
        """
        good = self.cursor()
        for cursor in ("", "x", 5, None, ["x"], good[:-1], good + "A", good.swapcase(), "A" * 10_000):
            for era in ("legacy", "modern"):
                for sort in Sort:
                    self.assertEqual(self.ask(era, sort, {"cursor": cursor}).error, (200, -32602), cursor)

    def test_discover(self) -> None:
        """
        Discover tells the modern revisions alone, what there is and who we are.
        """
        result = self.house.modern("server/discover").result
        self.assertEqual(result.pop("_meta"), {SERVER_INFO: OURS})
        self.assertEqual(
            result,
            {
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": EVERYTHING,
                "ttlMs": 0,
                "cacheScope": "private",
            },
        )

    def test_kept(self) -> None:
        """
        Modern clients are told how long they may keep lists: for everybody where nobody needs credentials.
        """
        house = House(private=False, catalog_limits=CatalogLimits(ttl=Wait(2.5)))
        session = house.shake()
        for method in ("server/discover", *[sort.method for sort in Sort]):
            result = house.modern(method).result
            self.assertEqual((result["ttlMs"], result["cacheScope"]), (2500, "public"), method)
            if method != "server/discover":
                legacy = house.legacy(session, method).result
                self.assertTrue({"ttlMs", "cacheScope", "resultType"}.isdisjoint(legacy), method)


class AloneTests(SynchronousTestCase):
    """
    Tests for pings and log levels.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.session = self.house.shake()

    def test_ping(self) -> None:
        """
        A ping's result is exactly an empty object.
        """
        way = self.house.legacy(self.session, "ping", None, "x")
        self.assertEqual(way.given.message, {"jsonrpc": "2.0", "id": "x", "result": {}})

    def test_level(self) -> None:
        """
        Every level can be set, and the answer is exactly an empty object.
        """
        for level in LEVELS:
            way = self.house.legacy(self.session, "logging/setLevel", {"level": level})
            self.assertEqual(way.given.message, {"jsonrpc": "2.0", "id": 1, "result": {}})

    def test_bad_level(self) -> None:
        """
        What is no level is refused, and the one that was set stays.
        """
        self.house.legacy(self.session, "logging/setLevel", {"level": "error"})
        values: tuple[Any, ...] = ("", "INFO", "warn", "trace", 3, None, ["info"], {})
        for value in values:
            way = self.house.legacy(self.session, "logging/setLevel", {"level": value})
            self.assertEqual(way.error, (200, -32602), value)
        self.assertEqual(self.house.legacy(self.session, "logging/setLevel").error, (200, -32602))
        self.house.legacy(self.session, "tools/call", {"name": "p__echo"})
        self.assertEqual(self.house.plugin.job.call.level, "error")


class SubscribeTests(SynchronousTestCase):
    """
    Tests for legacy clients that want to hear of a resource's changes.
    """

    def setUp(self) -> None:
        """
        Have a session that listens, and a plugin with a resource.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.house.offer(resources=(resource("x://a"),), templates=(template("y://{id}"),))
        self.session = self.house.shake()
        self.house.legacy(self.session, "notifications/initialized", None, None)
        self.way = self.house.listen(self.session)

    def ask(self, method: str, uri: Any = "x://a") -> Way:
        """
        Subscribe, or unsubscribe.
        """
        return self.house.legacy(self.session, f"resources/{method}", {"uri": uri})

    def told(self, uri: str = "x://a") -> list[str]:
        """
        Have a resource change: all changes that the client was told of so far.
        """
        self.house.router.subscriptions.updated(self.plugin, uri)
        self.house.clock.advance(0)
        updated = [
            notice for notice in self.way.notices if notice["method"] == "notifications/resources/updated"
        ]
        return [notice["params"]["uri"] for notice in updated]

    def test_updated(self) -> None:
        """
        From its subscription on, and until it ends it, a client is told of a resource's changes.
        """
        self.assertEqual(self.told(), [])
        for uri in ("x://a", "y://7"):
            self.assertEqual(self.ask("subscribe", uri).given.message["result"], {})
        self.assertEqual(self.plugin.watched, ["x://a", "y://7"])
        self.assertEqual(self.told(), ["x://a"])
        self.assertEqual(self.told("y://8"), ["x://a"])
        self.assertEqual(self.told("y://7"), ["x://a", "y://7"])
        self.assertEqual(self.ask("unsubscribe").given.message["result"], {})
        self.assertEqual((self.told(), self.plugin.watched), (["x://a", "y://7"], ["y://7"]))

    def test_unsubscribe(self) -> None:
        """
        To end what never was is fine.
        """
        for uri in ("x://a", "z://nobody"):
            self.assertEqual(self.ask("unsubscribe", uri).result, {})

    def test_end(self) -> None:
        """
        With the session its subscriptions end.
        """
        self.ask("subscribe")
        self.house.end(self.session)
        self.assertEqual(self.plugin.watched, [])

    def test_not_found(self) -> None:
        """
        Nobody is told of a resource that there is not.
        """
        way = self.ask("subscribe", "z://nobody")
        self.assertEqual(way.error, (200, -32002))
        self.assertEqual(way.given.message["error"]["data"], {"uri": "z://nobody"})

    def test_bad_uri(self) -> None:
        """
        A URI that is none, or too long, is refused.
        """
        values: tuple[Any, ...] = (None, 5, "", [], "y://" + "x" * 2048)
        for value in values:
            for method in ("subscribe", "unsubscribe"):
                self.assertEqual(self.ask(method, value).error, (200, -32602))

    def test_refused(self) -> None:
        """
        What a plugin says against it reaches the client, and it is not told of changes.
        """
        self.plugin.decision = Refusal(b"9", -32601, "no", None)
        way = self.ask("subscribe")
        self.assertEqual((way.error, way.given.message["id"]), ((200, -32601), 1))
        self.assertEqual(self.told(), [])

    def test_failed(self) -> None:
        """
        A plugin that can't be asked is an error in band; what nobody expected has a number and an incident.
        """
        self.plugin.decision = Fault(Kind.PLUGIN_UNAVAILABLE, "down")
        self.assertEqual(self.ask("subscribe").error, (200, Kind.PLUGIN_UNAVAILABLE.code))
        self.assertEqual(self.house.events, [])
        self.plugin.decision = ZeroDivisionError()
        self.assertEqual(self.ask("subscribe").error, (200, -32603))
        self.assertEqual([type(event) for event in self.house.events], [Incident])

    def test_modern(self) -> None:
        """
        In the modern era there is no such method.
        """
        for method in ("resources/subscribe", "resources/unsubscribe"):
            self.assertEqual(self.house.modern(method, {"uri": "x://a"}).error, (404, -32601))


class ListenTests(SynchronousTestCase):
    """
    Tests for modern clients that want to hear of changes.
    """

    def setUp(self) -> None:
        """
        Have plugins with resources.
        """
        self.house = House(limits=Limits(streams_per_principal=2))
        self.plugin, self.other = self.house.plugin, Plugin()
        self.serve()

    def serve(self, *resources: str) -> None:
        """
        Serve both plugins, the second with these resources.
        """
        second = tuple(resource(uri) for uri in resources)
        self.house.serve(
            stock("p", self.plugin, resources=(resource("x://a"),)), stock("q", self.other, resources=second)
        )

    def listen(self, id: int | str = "s", wanted: Any = None, **rest: Any) -> Way:
        """
        Ask for a stream.
        """
        return self.house.modern(
            "subscriptions/listen", {"notifications": {} if wanted is None else wanted}, id, **rest
        )

    def test_stream(self) -> None:
        """
        A stream says first what it will tell of, and then tells that alone, under the request's id.
        """
        wanted = {
            "toolsListChanged": True,
            "resourcesListChanged": True,
            "resourceSubscriptions": ["x://a", "z://nobody"],
        }
        way = self.listen(7, wanted)
        (acknowledged,) = way.notices
        self.assertEqual(acknowledged["method"], "notifications/subscriptions/acknowledged")
        agreed = {**wanted, "resourceSubscriptions": ["x://a"]}
        self.assertEqual(acknowledged["params"], {"_meta": {SUBSCRIPTION: 7}, "notifications": agreed})
        self.house.router.subscriptions.updated(self.plugin, "x://a")
        self.house.router.subscriptions.updated(self.other, "x://a")
        self.house.clock.advance(0)
        self.serve("x://b")
        self.assertEqual(
            [(notice["method"], notice["params"]["_meta"]) for notice in way.notices[1:]],
            [
                ("notifications/resources/updated", {SUBSCRIPTION: 7}),
                ("notifications/resources/list_changed", {SUBSCRIPTION: 7}),
            ],
        )

    def test_honoured(self) -> None:
        """
        What nobody does is not agreed to.
        """
        self.house.offer(features=frozenset({Feature.TOOLS}))
        way = self.listen(wanted={"toolsListChanged": True, "promptsListChanged": True})
        self.assertEqual(way.notices[0]["params"]["notifications"], {"toolsListChanged": True})

    def test_hang_up(self) -> None:
        """
        A client that hangs up is told nothing more, and its resources are not watched for it.
        """
        way = self.listen(wanted={"toolsListChanged": True, "resourceSubscriptions": ["x://a"]})
        self.assertEqual(self.plugin.watched, ["x://a"])
        way.hang_up()
        self.serve("x://b")
        self.assertEqual((len(way.notices), way.answers, self.plugin.watched), (1, [], []))
        self.assertEqual(len(self.house.router.subscriptions), 0)

    def test_bad(self) -> None:
        """
        A wish that can't be read is refused, and makes no stream.
        """
        values: tuple[Any, ...] = (5, [], "x", {"toolsListChanged": 1}, {"resourceSubscriptions": "x://a"})
        for value in values:
            self.assertEqual(self.listen(wanted=value).error, (200, -32602), value)
        self.assertEqual(self.house.modern("subscriptions/listen").error, (200, -32602))
        self.assertEqual(len(self.house.router.subscriptions), 0)

    def test_bound(self) -> None:
        """
        Streams of one principal are bounded, whatever they are for; others are not, and room is made again.
        """
        first = self.listen()
        self.assertTrue(self.house.router.subscriptions.enter("key:a"))
        way = self.listen()
        self.assertEqual(way.error, (503, Kind.OVERLOADED.code))
        self.assertEqual(way.given.fields, ((b"Retry-After", b"1"),))
        self.assertFalse(self.house.router.subscriptions.enter("key:a"))
        self.assertEqual(self.listen(caller="key:b").answers, [])
        first.hang_up()
        second = self.listen()
        self.assertEqual((len(second.notices), second.answers), (1, []))
        self.house.router.subscriptions.leave("key:a")
        self.assertEqual(self.listen().answers, [])

    def test_stop(self) -> None:
        """
        A daemon that stops ends each stream by its result.
        """
        ways = [self.listen(1), self.listen("1", caller="key:b")]
        self.house.router.subscriptions.close()
        for way, id in zip(ways, (1, "1"), strict=True):
            self.assertEqual(way.given.message["id"], id)
            self.assertEqual(way.result["resultType"], "complete")
            self.assertEqual(way.result["_meta"][SUBSCRIPTION], id)

    def test_legacy(self) -> None:
        """
        In a session there is no such method.
        """
        way = self.house.legacy(self.house.shake(), "subscriptions/listen", {"notifications": {}})
        self.assertEqual(way.error, (200, -32601))
