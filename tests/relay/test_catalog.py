# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.catalog`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import evolve
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Event, NameTaken
from mcpd.relay.catalog import Catalog, Route
from mcpd.relay.spec import CatalogLimits
from mcpd.relay.stock import Stock
from mcpd.units import Bytes
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.mirror import Mirror
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import MODERN
from tests.relay.goods import members, prompt, raw, resource, stock, template, tool, unknown

LIMITS = CatalogLimits()


class CatalogCase(SynchronousTestCase):
    """
    What the tests of both kinds of catalog need.
    """

    def setUp(self) -> None:
        """
        Remember what was told.
        """
        self.told: list[Event] = []

    def catalog(self, *stocks: Stock, limits: CatalogLimits = LIMITS) -> Catalog:
        """
        Put offers together.
        """
        return Catalog.of(stocks, limits, self.told.append)

    def listed(self, catalog: Catalog, sort: Sort = Sort.TOOLS) -> list[str]:
        """
        Read the names in a list.
        """
        return [item[sort.key] for item in json.loads(catalog.page(sort, MODERN, 0).listed)]

    def refused(self, find: Callable[[Raw], Route], *names: bytes) -> None:
        """
        Expect that nobody has any of these names.
        """
        for name in names:
            fault = self.assertRaises(Fault, find, Raw(name))
            self.assertIs(fault.kind, Kind.PARAMS)
            self.assertIn("there is no", fault.text)


class NameTests(CatalogCase):
    """
    Tests for what is served, and under which names.
    """

    def test_nothing(self) -> None:
        """
        Where there is no plugin, there is nothing yet; only tools are promised, which any may bring.
        """
        catalog = self.catalog()
        for sort in Sort:
            self.assertEqual(catalog.page(sort, MODERN, 0).listed, b"[]")
        self.assertEqual((catalog.features, catalog.instructions), (frozenset((Feature.TOOLS,)), ""))

    def test_names(self) -> None:
        """
        Tools and prompts are served under their plugin's prefix, or under their own name where there is none.
        """
        for sort, make in ((Sort.TOOLS, tool), (Sort.PROMPTS, prompt)):
            catalog = self.catalog(
                stock("a", make("x"), make("y")), stock("b", make("x")), stock("c", make("z"), prefix="")
            )
            self.assertEqual(self.listed(catalog, sort), ["a__x", "a__y", "b__x", "z"])
        self.assertEqual(self.told, [])

    def test_uris(self) -> None:
        """
        Resources and templates are served under the URIs that their plugins gave them.
        """
        a = stock("a", resource("x://1/ü"), template("x://{id}"))
        b = stock("b", resource("y://1"), template("y://{+path}"))
        catalog = self.catalog(a, b)
        self.assertEqual(self.listed(catalog, Sort.RESOURCES), ["x://1/ü", "y://1"])
        self.assertEqual(self.listed(catalog, Sort.TEMPLATES), ["x://{id}", "y://{+path}"])

    def test_order(self) -> None:
        """
        The order of a list does not depend on which plugin was ready first.
        """
        a, b, c = stock("a", tool("x")), stock("b", tool("x")), stock("c", tool("x"))
        late = self.catalog(unknown("a"), b, c)
        self.assertEqual(self.listed(late), ["b__x", "c__x"])
        self.assertEqual(self.listed(self.catalog(a, b, c)), ["a__x", "b__x", "c__x"])

    def test_fitted(self) -> None:
        """
        A name that hosts would refuse is made to fit, and leads to the tool all the same.
        """
        catalog = self.catalog(stock("a", tool("x/y"), tool("z" * 100)), limits=CatalogLimits(name_limit=20))
        first, second = self.listed(catalog)
        self.assertRegex(first, r"\Aa__x_y_[0-9a-f]{8}\Z")
        self.assertRegex(second, r"\Aa__z{8}_[0-9a-f]{8}\Z")
        self.assertEqual(bytes(catalog.tool(raw(first)).name), b'"x/y"')
        self.assertEqual(bytes(catalog.tool(raw(second)).name), b'"%b"' % (b"z" * 100))

    def test_taken(self) -> None:
        """
        Where two plugins have a name the first configured has it, and the operator is told of the other.
        """
        first = stock("first", tool("x"), prompt("x"), prefix="p")
        second = stock("second", tool("x"), tool("y"), prompt("x"), prefix="p")
        catalog = self.catalog(first, second)
        self.assertIs(catalog.tool(raw("p__x")).answerer, first.answerer)
        self.assertIs(catalog.tool(raw("p__y")).answerer, second.answerer)
        self.assertIs(catalog.prompt(raw("p__x")).answerer, first.answerer)
        self.assertEqual(self.told, [NameTaken("second", "p__x"), NameTaken("second", "p__x")])

    def test_taken_resources(self) -> None:
        """
        So it is with URIs and templates.
        """
        catalog = self.catalog(
            stock("a", resource("x://1", title="A"), template("x://{id}")),
            stock("b", resource("x://1"), template("x://{id}"), template("y://{id}")),
        )
        (listed,) = json.loads(catalog.page(Sort.RESOURCES, MODERN, 0).listed)
        self.assertEqual(listed["title"], "A")
        self.assertEqual(self.listed(catalog, Sort.TEMPLATES), ["x://{id}", "y://{id}"])
        self.assertEqual(self.told, [NameTaken("b", "x://1"), NameTaken("b", "x://{id}")])

    def test_chosen(self) -> None:
        """
        A tool that is not chosen can't be called, and takes no name from another's.
        """
        catalog = self.catalog(
            stock("a", tool("x"), tool("y"), prefix="", exclude=("x",)), stock("b", tool("x"), prefix="")
        )
        self.assertEqual(self.listed(catalog), ["y", "x"])
        self.assertEqual(catalog.tool(raw("x")).plugin, "b")
        self.assertEqual(self.told, [])

    def test_features(self) -> None:
        """
        Clients are promised what any plugin does, and everything as long as one has not told yet.
        """
        tools, prompts = frozenset((Feature.TOOLS,)), frozenset((Feature.PROMPTS, Feature.LOGGING))
        a, b = stock("a", features=tools), stock("b", features=prompts)
        self.assertEqual(self.catalog(a, b).features, tools | prompts)
        self.assertEqual(self.catalog(a, unknown("c"), b).features, frozenset(Feature))


class InstructionsTests(CatalogCase):
    """
    Tests for what plugins tell models about themselves.
    """

    def test_merged(self) -> None:
        """
        What plugins tell models is put together under their names.
        """
        catalog = self.catalog(
            stock("a", instructions="Ask me."), stock("b"), stock("c", instructions="Or me.")
        )
        self.assertEqual(catalog.instructions, "# a\n\nAsk me.\n\n# c\n\nOr me.")

    def test_cut(self) -> None:
        """
        A plugin that tells too much is cut short between two characters, and models are told so.
        """
        heading = "# a\n\n"
        whole = heading + "ü" * 10
        for most, rest in ((25, "ü" * 10), (24, "ü" * 9), (23, "ü" * 9)):
            limits = CatalogLimits(instructions=Bytes(most))
            text = self.catalog(stock("a", instructions="ü" * 10), limits=limits).instructions
            kept, mark, _ = text.partition("\n\n(The instructions go on")
            self.assertEqual(kept, heading + rest)
            self.assertEqual(bool(mark), kept != whole)

    def test_alone(self) -> None:
        """
        A plugin that is served alone needs no heading, and has the same bound.
        """
        told = stock("a", instructions="Ask me.")
        self.assertEqual(Catalog.alone(told, LIMITS).instructions, "Ask me.")
        text = Catalog.alone(told, CatalogLimits(instructions=Bytes(3))).instructions
        self.assertTrue(text.startswith("Ask\n\n(The instructions go on"))


class RouteTests(CatalogCase):
    """
    Tests for where names lead.
    """

    def test_tool(self) -> None:
        """
        A tool's name leads to its plugin, with the plugin's own name for it.
        """
        a, b = stock("a", tool("x__y"), tool("w", wrapped=True)), stock("b", tool("x"))
        route = self.catalog(a, b).tool(raw("a__x__y"))
        self.assertEqual((route.plugin, bytes(route.name)), ("a", b'"x__y"'))
        self.assertIs(route.answerer, a.answerer)
        self.assertEqual((route.subject.method, route.subject.wrapped), ("tools/call", False))
        self.assertTrue(self.catalog(a, b).tool(raw("a__w")).subject.wrapped)

    def test_tools_of(self) -> None:
        """
        A plugin's tools are told by the names that they are served under, without those that others took.
        """
        a, b = stock("a", tool("x"), tool("ü")), stock("b", tool("y"), prefix="")
        c = stock("c", tool("y"), tool("z"), prefix="")
        catalog = self.catalog(a, b, c)
        self.assertEqual([catalog.tools_of(each.answerer) for each in (b, c)], [["y"], ["z"]])
        names = catalog.tools_of(a.answerer)
        self.assertEqual(names, self.listed(catalog)[:2])
        self.assertEqual(catalog.tools_of(stock("d").answerer), [])

    def test_prompt(self) -> None:
        """
        So does a prompt's, and the two don't take each other's names.
        """
        a = stock("a", tool("x"), prompt("x"), prompt("ü"))
        catalog = self.catalog(a)
        route = catalog.prompt(raw("a__x"))
        self.assertEqual((route.plugin, bytes(route.name)), ("a", b'"x"'))
        self.assertEqual((route.subject.method, route.subject.wrapped), ("prompts/get", False))
        (_, fitted) = self.listed(catalog, Sort.PROMPTS)
        self.assertEqual(bytes(catalog.prompt(raw(fitted)).name), '"ü"'.encode())
        self.refused(catalog.tool, raw(fitted))

    def test_mirrors(self) -> None:
        """
        A route knows which arguments of its tool a header field repeats; a prompt has none.
        """
        mirror = Mirror(("region",), b"mcp-param-region", "string")
        catalog = self.catalog(stock("a", evolve(tool("x"), mirrors=(mirror,)), prompt("x")))
        self.assertEqual(catalog.tool(raw("a__x")).mirrors, (mirror,))
        self.assertEqual(catalog.prompt(raw("a__x")).mirrors, ())

    def test_has(self) -> None:
        """
        A catalog knows which plugins are in it, also before they told what they have.
        """
        a, b = unknown("a"), stock("b")
        self.assertTrue(self.catalog(a, b).has(a.answerer))
        self.assertTrue(Catalog.alone(b, LIMITS).has(b.answerer))
        self.assertFalse(Catalog.alone(b, LIMITS).has(a.answerer))

    def test_unknown(self) -> None:
        """
        A name that nobody has, or only almost, is refused as a parameter, and so is what is no name.
        """
        catalog = self.catalog(stock("a", tool("x"), prompt("x")))
        for find in (catalog.tool, catalog.prompt):
            self.refused(find, b'""', b'"x"', b'"a"', b'"a__"', b'"a__X"', b'"a__x "', b'"A__x"')
            self.refused(find, b"", b"5", b"null", b'["a__x"]', b"a__x", b'"\xff"')

    def test_written(self) -> None:
        """
        A name is found however its JSON is written.
        """
        catalog = self.catalog(stock("a", tool("x"), prompt("x")))
        for piece in (b'"a__x"', b'"a__\\u0078"', b'"\\u0061__x"'):
            self.assertEqual(bytes(catalog.tool(Raw(piece)).name), b'"x"')
            self.assertEqual(bytes(catalog.prompt(Raw(piece)).name), b'"x"')

    def test_readers(self) -> None:
        """
        A resource is read where it is listed, else wherever a template fits, a lost one among them.
        """
        a = stock("a", template("x://{id}"))
        b = stock("b", resource("x://1"), template("x://{id}"), template("y://{id}"))
        catalog = self.catalog(a, b, stock("c", resource("z://1")))
        self.assertEqual(catalog.readers("x://1"), (b.answerer,))
        self.assertEqual(catalog.readers("x://2"), (a.answerer, b.answerer))
        self.assertEqual(catalog.readers("y://2"), (b.answerer,))
        self.assertEqual(catalog.readers("z://2"), ())


class CompleterTests(CatalogCase):
    """
    Tests for who completes arguments.
    """

    def setUp(self) -> None:
        """
        Make two plugins, of which one does not complete.
        """
        super().setUp()
        self.a = stock("a", prompt("x"), resource("x://1"), template("x://{id}"))
        self.b = stock("b", prompt("x"), template("y://{id}"), features=frozenset((Feature.PROMPTS,)))
        self.both = self.catalog(self.a, self.b)

    def test_prompt(self) -> None:
        """
        A prompt's arguments are completed by its plugin, which is told its own name for it and all else.
        """
        found = self.both.completer(members(type="ref/prompt", name="a__x", title="T"))
        assert found is not None
        answerer, ref = found
        self.assertIs(answerer, self.a.answerer)
        self.assertEqual(ref, members(type="ref/prompt", name="x", title="T"))

    def test_resource(self) -> None:
        """
        A template's are completed by its plugin, told by its text, or by a URI that is listed or fits.
        """
        for uri in ("x://{id}", "x://1", "x://2"):
            ref = members(type="ref/resource", uri=uri)
            self.assertEqual(self.both.completer(ref), (self.a.answerer, ref))

    def test_not_declared(self) -> None:
        """
        A plugin that does not say that it completes is not asked.
        """
        self.assertIsNone(self.both.completer(members(type="ref/prompt", name="b__x")))
        self.assertIsNone(self.both.completer(members(type="ref/resource", uri="y://{id}")))

    def test_wrong(self) -> None:
        """
        What refers to nothing is refused as a parameter.
        """
        for ref in (
            {},
            members(type="ref/prompt"),
            members(type="ref/prompt", name="x"),
            members(type="ref/prompt", name=5),
            members(type="ref/resource"),
            members(type="ref/resource", uri="z://1"),
            members(type="ref/resource", uri=["x://1"]),
            members(type="ref/tool", name="a__x"),
            members(type=5, name="a__x"),
            members(name="a__x"),
        ):
            fault = self.assertRaises(Fault, self.both.completer, ref)
            self.assertIs(fault.kind, Kind.PARAMS)


class ListTests(CatalogCase):
    """
    Tests for lists and their changes.
    """

    def test_first_page(self) -> None:
        """
        Everything is on the first page as long as there are no more than a thousand things.
        """
        thousand = [tool(f"t{number}") for number in range(1000)]
        catalog = self.catalog(stock("a", *thousand))
        self.assertEqual(len(self.listed(catalog)), 1000)
        self.assertIsNone(catalog.page(Sort.TOOLS, MODERN, 0).next)
        page = self.catalog(stock("a", *thousand, tool("last"))).page(Sort.TOOLS, MODERN, 0)
        self.assertEqual((page.last, page.next), ("a__t999", 1000))

    def test_start(self) -> None:
        """
        A client goes on behind the last thing that it was given, also in a catalog made later.
        """
        limits = CatalogLimits(page=1)
        page = self.catalog(stock("b", tool("x"), tool("y")), limits=limits).page(Sort.TOOLS, MODERN, 0)
        assert page.next is not None
        more = self.catalog(stock("a", tool("x")), stock("b", tool("x"), tool("y")), limits=limits)
        start = more.start(Sort.TOOLS, page.last, page.next)
        (item,) = json.loads(more.page(Sort.TOOLS, MODERN, start).listed)
        self.assertEqual(item["name"], "b__y")

    def test_digest(self) -> None:
        """
        Who sees a list is told of a change in it, and not of one elsewhere.
        """
        before = self.catalog(stock("a", tool("x"), prompt("x")))
        after = self.catalog(stock("a", tool("x"), prompt("x", title="T")), stock("b", resource("x://1")))
        changed = {sort for sort in Sort if before.digest(sort) != after.digest(sort)}
        self.assertEqual(changed, {Sort.PROMPTS, Sort.RESOURCES})

    def test_not_chosen(self) -> None:
        """
        Nobody is told of a change in what is not served.
        """
        before = self.catalog(stock("a", tool("x"), exclude=("y",)))
        after = self.catalog(stock("a", tool("x"), tool("y"), exclude=("y",)))
        self.assertEqual(before.digest(Sort.TOOLS), after.digest(Sort.TOOLS))


class AloneTests(CatalogCase):
    """
    Tests for one plugin at a path of its own.
    """

    def test_names(self) -> None:
        """
        A plugin that is served alone has its own names, whatever hosts think of them.
        """
        long = "z" * 100
        a = stock("a", tool("x/y"), tool(long), prompt("p"), resource("x://1"), template("x://{id}"))
        catalog = Catalog.alone(a, LIMITS)
        self.assertEqual(self.listed(catalog), ["x/y", long])
        self.assertEqual(self.listed(catalog, Sort.PROMPTS), ["p"])
        self.assertEqual(self.listed(catalog, Sort.RESOURCES), ["x://1"])
        self.assertEqual(self.listed(catalog, Sort.TEMPLATES), ["x://{id}"])
        route = catalog.tool(raw("x/y"))
        self.assertEqual((route.plugin, bytes(route.name)), ("a", b'"x/y"'))
        self.assertIs(route.answerer, a.answerer)
        self.assertEqual(bytes(catalog.prompt(raw("p")).name), b'"p"')
        self.refused(catalog.tool, b'"a__x/y"')

    def test_chosen(self) -> None:
        """
        What an operator leaves out is not served there, either.
        """
        catalog = Catalog.alone(stock("a", tool("x"), tool("y"), exclude=("x",)), LIMITS)
        self.assertEqual(self.listed(catalog), ["y"])
        self.refused(catalog.tool, b'"x"')

    def test_page(self) -> None:
        """
        Its lists have pages, too.
        """
        page = Catalog.alone(stock("a", tool("x"), tool("y")), CatalogLimits(page=1)).page(
            Sort.TOOLS, MODERN, 0
        )
        self.assertEqual((page.last, page.next), ("x", 1))

    def test_readers(self) -> None:
        """
        Every resource is the plugin's, listed or not, if it has any or may have.
        """
        a = stock("a", resource("x://1"), template("x://{id}"))
        for those in (a, evolve(a, offer=None)):
            for uri in ("x://1", "x://2", "y://", "z" * 5000):
                self.assertEqual(Catalog.alone(those, LIMITS).readers(uri), (a.answerer,))
        without = stock("a", tool("x"), features=frozenset((Feature.TOOLS,)))
        self.assertEqual(Catalog.alone(without, LIMITS).readers("x://1"), ())

    def test_completer(self) -> None:
        """
        It completes its own prompts and whatever resource is told.
        """
        a = stock("a", prompt("x"))
        for ref in (members(type="ref/prompt", name="x"), members(type="ref/resource", uri="y://{a}")):
            self.assertEqual(Catalog.alone(a, LIMITS).completer(ref), (a.answerer, ref))

    def test_features(self) -> None:
        """
        Clients are promised what this plugin does, and everything as long as it has not told.
        """
        tools = frozenset((Feature.TOOLS,))
        self.assertEqual(Catalog.alone(stock("a", features=tools), LIMITS).features, tools)
        self.assertEqual(Catalog.alone(unknown("a"), LIMITS).features, frozenset(Feature))
