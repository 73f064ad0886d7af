# -*- test-case-name: tests.test_floors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The rules of the house: who may import whom, and where a test stands.

Each rule is a function that takes sources, by module name, and gives a
sentence for each place where the rule is broken.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

FLOORS: tuple[str, ...] = (
    "events units",
    "wire audit metrics log journal systemd trouble",
    "policy",
    "sandbox store",
    "workers access",
    "relay",
    "web admin",
    "config",
    "daemon",
    "tap testing ctl",
)
"""What stands on each floor, from the ground up."""

PURE = ("wire", "policy")
"""What does no I/O and has no clock of its own."""

UNCLEAN = (
    "asyncio fileinput glob io multiprocessing os pathlib select selectors shutil signal socket "
    "sqlite3 subprocess tempfile threading time urllib.request"
)
"""What a pure module does not import; of twisted.internet it may have ``defer`` alone."""

CHILD = "mcpd.sandbox.child"
"""The launcher: a program, not a part of the package."""

REACTORS = {
    ("mcpd.tap", "makeService"): "the daemon's own",
    ("mcpd.ctl.tryout", "run"): "mcpctl plugin check runs one plugin in a program without a daemon",
    ("mcpd.ctl.connect", "connect"): "mcpctl connect is a program between a client and a server elsewhere",
}
"""The functions that fetch the global reactor, and why."""

ALOOF = ("live", "conformance", "bench")
"""Folders whose tests are about the whole."""

ALONE = {
    "test_floors.py": "the house itself",
    "test_quadrants.py": "all four pairs of eras, through the whole daemon",
    "test_likeness.py": "files that two plugins have each",
    "test_transparency.py": "the whole daemon, compared with its plugins",
    "daemon/test_doors.py": "a whole daemon, from its clients to its plugins",
    "config/test_refusals.py": "one table of sentences, of judge and checks",
    "config/test_shipped.py": "the files in etc",
    "workers/test_replace.py": "whole crews: workers that are replaced, and the end of all",
    "workers/test_share.py": "whole crews: who shares a worker, and who has one",
}
"""Tests of no one module, and what they are about instead."""

Sources = Mapping[str, str]
"""Module names, and the text of each."""

ROOT = Path(__file__).parent.parent


@frozen
class Import:
    """
    One name that a module imports.

    Attributes:
        name: Module and name, dotted, as ``mcpd.wire.codec.Reader``.
        function: The innermost function that it stands in; empty if none.
        line: Where it stands.
    """

    name: str
    function: str
    line: int


def imports(node: ast.AST, function: str = "") -> Iterator[Import]:
    """
    Find all imports of a module, wherever they stand.

    A relative one is told with its dots.
    """
    match node:
        case ast.Import():
            for alias in node.names:
                yield Import(alias.name, function, node.lineno)
        case ast.ImportFrom():
            for alias in node.names:
                yield Import("." * node.level + f"{node.module or ''}.{alias.name}", function, node.lineno)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            function = node.name
    for child in ast.iter_child_nodes(node):
        yield from imports(child, function)


def all_imports(sources: Sources) -> Iterator[tuple[str, Import]]:
    """
    Find all imports of all modules, each with the module that it stands in.
    """
    for module, source in sources.items():
        for found in imports(ast.parse(source)):
            yield module, found


def floor(module: str) -> int | None:
    """
    Say on which floor a module of mcpd stands; None if it has not been given one.
    """
    top = _top(module)
    return next((number for number, names in enumerate(FLOORS) if top in names.split()), None)


def _top(module: str) -> str:
    return ".".join(module.split(".")[1:2])


def homeless(sources: Sources) -> list[str]:
    """
    Find what has not been given a floor.
    """
    return sorted({f"{_top(name)} has no floor" for name in sources if _top(name) and floor(name) is None})


def climbing(sources: Sources) -> list[str]:
    """
    Find imports from above, and from a neighbour on the same floor.
    """
    found = []
    for module, that in all_imports(sources):
        if that.name.startswith("."):
            found.append(f"{module}:{that.line}: a relative import")
        if not that.name.startswith("mcpd.") or that.name == "mcpd.__version__":
            continue
        own, other = floor(module), floor(that.name)
        same = _top(module) == _top(that.name)
        if not same and (own is None or other is None or own <= other):
            found.append(f"{module}:{that.line}: {that.name} is not below it")
    return found


def impure(sources: Sources) -> list[str]:
    """
    Find what a pure module uses of the world.
    """
    found = []
    for module, source in sources.items():
        if _top(module) not in PURE:
            continue
        tree = ast.parse(source)
        found += [f"{module}:{that.line}: {that.name}" for that in imports(tree) if _is_unclean(that.name)]
        found += [f"{module}:{line}: open" for line in _opens(tree)]
    return found


def _is_unclean(name: str) -> bool:
    if name.startswith("twisted.internet."):
        return not f"{name}.".startswith("twisted.internet.defer.")
    return any(f"{name}.".startswith(f"{unclean}.") for unclean in UNCLEAN.split())


def _opens(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield node.lineno


def reactors(sources: Sources) -> list[str]:
    """
    Find imports of the global reactor in other functions than :data:`REACTORS`.
    """
    return [
        f"{module}:{that.line}: the global reactor"
        for module, that in all_imports(sources)
        if f"{that.name}.".startswith("twisted.internet.reactor.") and (module, that.function) not in REACTORS
    ]


def strangers(sources: Sources) -> list[str]:
    """
    Find what the launcher imports besides the standard library and its own folder.
    """
    child = {name: text for name, text in sources.items() if name.startswith(f"{CHILD}.")}
    siblings = {name.rpartition(".")[2] for name in child}
    return [
        f"{module}:{that.line}: {that.name}"
        for module, that in all_imports(child)
        if that.name.partition(".")[0] not in sys.stdlib_module_names | siblings
    ]


def crowded(packages: Sources) -> list[str]:
    """
    Find packages whose ``__init__`` has more than a docstring (``mcpd`` has its version, too).
    """
    found = []
    for name, source in packages.items():
        tree = ast.parse(source)
        body = tree.body[1:] if ast.get_docstring(tree) else [*tree.body, tree]
        if name == "mcpd" and [ast.unparse(node).partition(" = ")[0] for node in body] == ["__version__"]:
            continue
        if body:
            found.append(f"{name} holds more or less than a docstring")
    return found


def circles(sources: Sources) -> list[str]:
    """
    Find modules that import themselves by way of others.
    """
    uses: dict[str, set[str]] = {module: set() for module in sources}
    for module, that in all_imports(sources):
        uses[module].update({that.name, that.name.rpartition(".")[0]} & sources.keys())
    # What imports nothing that is left is in no circle, and again.
    while free := [module for module in uses if not uses[module] & uses.keys()]:
        for module in free:
            del uses[module]
    # What nothing imports only leads to one.
    while free := [module for module in uses if not any(module in uses[other] for other in uses)]:
        for module in free:
            del uses[module]
    return [f"{module} is in a circle" for module in sorted(uses)]


def strayed(tests: Iterable[str], modules: Iterable[str]) -> list[str]:
    """
    Find tests (paths below ``tests``) that stand elsewhere than what they test.
    """
    known = {name for module in modules for name in _prefixes(module)}
    found = []
    for test in tests:
        path = PurePosixPath(test)
        mirrored = ".".join(("mcpd", *path.parent.parts, path.stem.removeprefix("test_")))
        if path.parts[0] not in ALOOF and test not in ALONE and mirrored not in known:
            found.append(f"{test}: there is no {mirrored}")
    return found


def _prefixes(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def house() -> tuple[dict[str, str], dict[str, str]]:
    """
    Read the house: its modules, and those of them that are packages.
    """
    modules, packages = {}, {}
    for path in sorted((ROOT / "mcpd").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = path.read_text("utf-8")
        if is_package:
            packages[name] = modules[name]
    return modules, packages
