# -*- test-case-name: tests.test_floors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The rules of :mod:`tests.floors`, held against the house and against made-up ones.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.floors import (
    ALONE,
    CHILD,
    ROOT,
    circles,
    climbing,
    crowded,
    homeless,
    house,
    impure,
    reactors,
    strangers,
    strayed,
)


class HouseTests(SynchronousTestCase):
    """
    The rules, held against the house.
    """

    def setUp(self) -> None:
        """
        Read the house.
        """
        self.modules, self.packages = house()

    def test_read(self) -> None:
        """
        The whole house is read.
        """
        self.assertLess({"mcpd", "mcpd.units", "mcpd.wire", "mcpd.wire.codec"}, self.modules.keys())
        self.assertLess({"mcpd", "mcpd.wire"}, self.packages.keys())

    def test_homeless(self) -> None:
        """
        Every module stands on a floor.
        """
        self.assertEqual(homeless(self.modules), [])

    def test_climbing(self) -> None:
        """
        A module imports from lower floors and from its own package, never from a neighbour.
        """
        self.assertEqual(climbing(self.modules), [])

    def test_impure(self) -> None:
        """
        The wire and the policy do no I/O and have no clock.
        """
        self.assertEqual(impure(self.modules), [])

    def test_reactors(self) -> None:
        """
        Only makeService knows the global reactor.
        """
        self.assertEqual(reactors(self.modules), [])

    def test_strangers(self) -> None:
        """
        The launcher needs nothing but Python.
        """
        self.assertEqual(strangers(self.modules), [])

    def test_crowded(self) -> None:
        """
        Importing a package runs nothing.
        """
        self.assertEqual(crowded(self.packages), [])

    def test_circles(self) -> None:
        """
        No two modules need each other.
        """
        self.assertEqual(circles(self.modules), [])

    def test_strayed(self) -> None:
        """
        The test of a module stands where the module stands.
        """
        here = Path(__file__).parent
        tests = {path.relative_to(here).as_posix() for path in here.rglob("test_*.py")}
        self.assertEqual(strayed(sorted(tests), self.modules), [])
        self.assertLessEqual(ALONE.keys(), tests)

    def test_dropin(self) -> None:
        """
        Twisted finds our dropin, since no package of ours hides its own.
        """
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse((ROOT / folder / "__init__.py").exists(), folder)


class RuleTests(SynchronousTestCase):
    """
    The rules, held against made-up houses: each finds what breaks it, and nothing else.
    """

    def test_homeless(self) -> None:
        """
        A new module fails until it is given a floor.
        """
        house = {"mcpd": "", "mcpd.units": "", "mcpd.attic.roof": "", "mcpd.web.http": "", "mcpd.cellar": ""}
        self.assertEqual(homeless(house), ["attic has no floor", "cellar has no floor"])

    def test_allowed(self) -> None:
        """
        Importing from below, from one's own package and the version is fine.
        """
        source = (
            "import json, twisted.web.http\nimport mcpd\nimport mcpd.relay.router as r\n"
            "from mcpd import __version__, units\nfrom mcpd.web.reply import write\nfrom mcpdocs import x\n"
        )
        self.assertEqual(climbing({"mcpd.web.http": source, "mcpd.daemon": "from mcpd import config"}), [])

    def test_climbing(self) -> None:
        """
        An import from above or from a neighbour is found, wherever it stands and however it is written.
        """
        for line in (
            "import mcpd.web.http",
            "from mcpd.web import http",
            "from mcpd.web.http import Site",
            "from mcpd import web",
            "from mcpd.relay.router import Router",
            "from mcpd import access",
            "import mcpd.attic",
        ):
            for source in (
                line,
                f"import os, json; {line}",
                f"def find():\n    {line}",
                f"async def find():\n    try:\n        {line}\n    finally:\n        pass",
                f"class A:\n    {line}",
                f"if TYPE_CHECKING:\n    {line}",
            ):
                self.assertEqual(len(climbing({"mcpd.workers.peer": source})), 1, source)

    def test_ground(self) -> None:
        """
        The package itself, and what has no floor, import nothing of the house.
        """
        self.assertEqual(climbing({"mcpd": "import mcpd.units"}), ["mcpd:1: mcpd.units is not below it"])
        self.assertEqual(len(climbing({"mcpd.attic": "import mcpd.units"})), 1)

    def test_relative(self) -> None:
        """
        A relative import is found, for its floor can't be seen.
        """
        for source in ("from . import codec", "from .codec import text", "from ..web import http"):
            self.assertEqual(climbing({"mcpd.wire.sse": source}), ["mcpd.wire.sse:1: a relative import"])

    def test_impure(self) -> None:
        """
        Files, sockets, clocks and reactors are found in what is pure, and only there.
        """
        unclean = (
            "import os",
            "import os.path",
            "from os import path",
            "from pathlib import Path",
            "from socket import socket",
            "def f():\n    import time",
            "def f():\n    return open('x')",
            "from twisted.internet import reactor",
            "from twisted.internet.task import Clock",
            "from urllib.request import urlopen",
        )
        for source in unclean:
            self.assertEqual(len(impure({"mcpd.wire.sse": source})), 1, source)
            self.assertEqual(len(impure({"mcpd.policy.rate": source})), 1, source)
            self.assertEqual(impure({"mcpd.web.http": source}), [])
        clean = "from twisted.internet.defer import Deferred\nfrom urllib.parse import quote\nx.open()"
        self.assertEqual(impure({"mcpd.wire.sse": clean}), [])

    def test_reactors(self) -> None:
        """
        The global reactor is found, except in the one function.
        """
        source = "from twisted.internet import reactor"
        inside = "def makeService(options):\n    " + source
        self.assertEqual(reactors({"mcpd.tap": inside}), [])
        for module, text in (
            ("mcpd.tap", source),
            ("mcpd.tap", inside.replace("makeService", "other")),
            ("mcpd.daemon", inside),
            ("mcpd.daemon", "import twisted.internet.reactor"),
            ("mcpd.daemon", "from twisted.internet import defer, reactor as loop"),
            ("mcpd.daemon", "from twisted.internet.reactor import callLater"),
        ):
            self.assertEqual(len(reactors({module: text})), 1, text)
        self.assertEqual(
            reactors({"mcpd.web.http": "from twisted.internet.interfaces import IReactorTime"}), []
        )

    def test_strangers(self) -> None:
        """
        Whatever the launcher would not find without its neighbours is found.
        """
        good = {f"{CHILD}.__main__": "import ctypes, os.path\nimport landlock", f"{CHILD}.landlock": ""}
        self.assertEqual(strangers(good | {"mcpd.sandbox.plan": "import attrs"}), [])
        for source in (
            "import attrs",
            "from mcpd.units import Bytes",
            "def f():\n    from . import landlock",
        ):
            self.assertEqual(len(strangers({f"{CHILD}.__main__": source})), 1, source)

    def test_crowded(self) -> None:
        """
        A package that runs something at its import is found, and one that says nothing.
        """
        self.assertEqual(crowded({"mcpd": '"""A."""\n__version__ = "1"', "mcpd.wire": '"""A."""'}), [])
        for name, source in (
            ("mcpd.wire", '"""A."""\n__version__ = "1"'),
            ("mcpd.wire", '"""A."""\nfrom mcpd.wire.codec import Reader'),
            ("mcpd.wire", ""),
            ("mcpd", '"""A."""\n__version__ = "1"\nimport os'),
        ):
            self.assertEqual(len(crowded({name: source})), 1, source)

    def test_circles(self) -> None:
        """
        A circle is found, and not those who only lead into it or out of it.
        """
        house = {
            "mcpd.a": "from mcpd import b",
            "mcpd.b": "def f():\n    from mcpd.c import x",
            "mcpd.c": "import mcpd.d\nimport mcpd.b",
            "mcpd.d": "import json",
        }
        self.assertEqual(circles(house), ["mcpd.b is in a circle", "mcpd.c is in a circle"])
        self.assertEqual(circles(house | {"mcpd.c": "import mcpd.d"}), [])
        self.assertEqual(circles({"mcpd.a": "import mcpd.a"}), ["mcpd.a is in a circle"])

    def test_strayed(self) -> None:
        """
        A test without its module is found; the tests of the whole may stand alone.
        """
        modules = ["mcpd", "mcpd.units", "mcpd.wire.codec", "mcpd.sandbox.child.__main__"]
        fine = ["test_units.py", "wire/test_codec.py", "sandbox/test_child.py", "live/test_daemon.py"]
        self.assertEqual(strayed(fine, modules), [])
        self.assertEqual(strayed(["test_codec.py"], modules), ["test_codec.py: there is no mcpd.codec"])
        self.assertEqual(len(strayed(["wire/test_units.py", "web/test_http.py"], modules)), 2)
