# -*- test-case-name: tests.config.test_draft -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What was written in several places, put together and not yet judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from os.path import dirname
from typing import Any

from attrs import Factory, define, evolve

from mcpd.config.anchor import anchor_daemon, anchor_listen, anchor_plugin
from mcpd.config.document import Document
from mcpd.config.problem import ConfigurationError, Flaw, Path, Place, Problem


@define
class Draft:
    """
    A configuration in the making.

    Attributes:
        tables: What was written.
        places: Where it was written; the empty path: where all of it was.
        problems: What is wrong so far.
    """

    tables: dict[str, Any]
    places: dict[Path, Place]
    problems: list[Problem] = Factory(list)

    @classmethod
    def of_file(cls, document: Document) -> Draft:
        """
        Begin with a main file.
        """
        draft, folder = cls(document.table, _places(document, ())), dirname(document.name)
        anchor_daemon(draft.table("daemon"), folder)
        listeners = draft.tables.get("listen")
        for listen in listeners if isinstance(listeners, list) else ():
            anchor_listen(listen, folder)
        for plugin in (draft.table("defaults"), *draft.table("plugins").values()):
            anchor_plugin(plugin, folder)
        return draft

    @classmethod
    def of_nothing(cls, source: str) -> Draft:
        """
        Begin without a file; ``source`` is named in its stead.
        """
        return cls({}, {(): Place(source)})

    def table(self, section: str) -> dict[str, Any]:
        """
        Tell what a section says, for reading: empty if it is not there or no table.
        """
        table = self.tables.get(section)
        return table if isinstance(table, dict) else {}

    def set(self, section: str, key: str, value: Any, place: Place) -> None:
        """
        Say a value anew, unless its section is no table.
        """
        table = self.tables.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value
            self.places[section, key] = place

    def add_plugin(self, name: str, document: Document) -> None:
        """
        Add a plugin that has a file of its own.
        """
        if name in self.table("plugins"):
            other = self.place(("plugins", name))
            flaw = Flaw((), f"the plugin {name} is at {other.source}:{other.line}, too", "keep one of them")
            self.problems.append(Problem(Place(document.name, 1), flaw))
            return
        anchor_plugin(document.table, dirname(document.name))
        self.set("plugins", name, document.table, Place(document.name, 1))
        self.places |= _places(document, ("plugins", name))

    def inherit(self, keys: tuple[str, ...]) -> None:
        """
        Give each plugin what ``[defaults]`` says and the plugin does not.

        Args:
            keys: What a plugin can have from there.
        """
        defaults = {key: value for key, value in self.table("defaults").items() if key in keys}
        for name, plugin in self.table("plugins").items():
            if isinstance(plugin, dict):
                self._fill(plugin, ("plugins", name), defaults, ("defaults",))

    def _fill(self, own: dict[str, Any], path: Path, defaults: Mapping[str, Any], source: Path) -> None:
        for key, value in defaults.items():
            if key not in own:
                own[key] = value
                self._share((*source, key), (*path, key))
            elif isinstance(value, dict) and isinstance(own[key], dict):
                self._fill(own[key], (*path, key), value, (*source, key))

    def _share(self, source: Path, path: Path) -> None:
        depth = len(source)
        shared = {known: place for known, place in self.places.items() if known[:depth] == source}
        self.places |= {path + known[depth:]: place for known, place in shared.items()}

    def place(self, path: Path) -> Place:
        """
        Tell where a value is written or, if it is not, where it would be.
        """
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]].within(path[length:])
        return self.places[()].within(path)

    def origin(self, path: Path) -> str:
        """
        Say who said a value: ``built in`` if nobody did.
        """
        place = self.places.get(path)
        if place is None:
            return "built in"
        if place.line is not None:
            return f"{place.source}:{place.line}"
        return place.source if place.source == self.places[()].source else f"environment {place.source}"

    def refuse(self, path: Path, flaw: Flaw) -> None:
        """
        Note what is wrong with a value, or with a part of it.
        """
        self.problems.append(Problem(self.place(path + flaw.path), evolve(flaw, path=())))

    def settle(self) -> None:
        """
        Tell all that was refused, if anything was.

        Raises:
            ConfigurationError: With the problems, by file and line.
        """
        if self.problems:
            raise ConfigurationError(tuple(sorted(self.problems, key=_by_place)))


def _by_place(problem: Problem) -> tuple[str, int, str]:
    return problem.place.source, problem.place.line or 0, str(problem)


def _places(document: Document, path: Path) -> dict[Path, Place]:
    places: dict[Path, Place] = {path: Place(document.name, 1)}
    return places | {path + way: Place(document.name, line, way) for way, line in document.lines.items()}
