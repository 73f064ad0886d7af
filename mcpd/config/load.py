# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The configuration out of all its sources.

What is built in gives way to the main file, that to the plugin folder's files
and all to the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, get_type_hints

import attrs
from attrs import evolve

from mcpd.config.anchor import anchor_daemon
from mcpd.config.document import Trust, read_document
from mcpd.config.draft import Draft
from mcpd.config.problem import ConfigurationError, Flaw, Place, Problem, nearest
from mcpd.config.settings import DaemonSettings
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.web.spec import Limits, Rates, SocketSettings

SYSTEM = "/etc/mcpd/mcpd.toml"
"""The main file where nobody names another."""

_SINGLE = {
    "daemon": DaemonSettings,
    "limits": Limits,
    "rate": Rates,
    "sessions": SessionLimits,
    "websocket": SocketSettings,
    "catalog": CatalogLimits,
}
_NUMBER = re.compile(r"-?[0-9]{1,12}\Z", re.ASCII)


def find_configuration(option: str | None, environ: Mapping[str, str], system: str = SYSTEM) -> str | None:
    """
    Tell which main file is used.

    Args:
        option: What the command line says, if it does.
        environ: The environment, for ``MCPD_CONFIG``.
        system: The file that is used if it exists and nobody names another.

    Returns:
        A file, which need not exist if it was named; none: no file at all.
    """
    return option or environ.get("MCPD_CONFIG") or (system if os.path.exists(system) else None)


def gather(path: str, environ: Mapping[str, str], uid: int, cwd: str) -> Draft:
    """
    Read all sources, and judge nothing yet.

    Args:
        path: The main file.
        environ: The environment, for ``MCPD_SECTION__KEY``.
        uid: Who the daemon will run as, and so may own plugins' files.
        cwd: The folder that the environment's relative paths start at.

    Raises:
        ConfigurationError: The main file cannot be read.
    """
    draft = Draft.of_file(read_document(path))
    read_environment(draft, environ, cwd)
    read_plugin_dir(draft, uid)
    return draft


def read_environment(draft: Draft, environ: Mapping[str, str], cwd: str) -> None:
    """
    Let the environment have the last word on scalar keys of single tables.

    Relative paths in it start at ``cwd``.
    """
    known = _variables()
    for name in sorted(environ):
        if not name.startswith("MCPD_") or "__" not in name:
            continue
        if name in known:
            section, key, kind = known[name]
            draft.set(section, key, scalar(environ[name], kind), Place(name, None, (section, key)))
        else:
            *tables, last = (f"[{section}]" for section in _SINGLE)
            allowed = f"known are MCPD_SECTION__KEY for the scalar keys of {', '.join(tables)} and {last}"
            meant = {variable.lower(): variable for variable in known}
            flaw = Flaw((), "unknown variable", allowed, meant.get(nearest(name, meant), ""))
            draft.problems.append(Problem(Place(name), flaw))
    anchor_daemon(draft.table("daemon"), cwd)


def _variables() -> dict[str, tuple[str, str, Any]]:
    return {
        f"MCPD_{section}__{key}".upper(): (section, key, kind)
        for section, table in _SINGLE.items()
        for key, kind in get_type_hints(table).items()
        if not attrs.has(kind)
    }


def scalar(text: str, kind: type) -> Any:
    """
    Read a variable as TOML would have it; what cannot be is left to be refused.

    Args:
        text: The variable's value.
        kind: The type of the field; durations and sizes are strings.
    """
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    return int(text) if kind is int and _NUMBER.match(text) else text


def read_plugin_dir(draft: Draft, uid: int) -> None:
    """
    Add the plugins that have a file of their own in the plugin folder.

    A folder that is nowhere named need not exist.  Names that begin with a
    point are not looked at: editors leave such files behind.
    """
    folder = draft.table("daemon").get("plugin_dir", DaemonSettings().plugin_dir)
    if not isinstance(folder, str) or not folder or "\0" in folder:
        return
    here = ("daemon", "plugin_dir")
    try:
        status, names = os.stat(folder), sorted(os.listdir(folder))
    except OSError as error:
        if here in draft.places:
            draft.refuse(here, Flaw((), f"{folder} cannot be read: {error.strerror}", "must be a folder"))
        return
    trust = Trust((0, uid))
    flaw = trust.doubt(status)
    if flaw is not None:
        draft.refuse(here, evolve(flaw, wrong=f"{folder} {flaw.wrong}"))
    for name in names:
        if name.endswith(".toml") and not name.startswith("."):
            read_plugin(draft, name.removesuffix(".toml"), os.path.join(folder, name), trust)


def read_plugin(draft: Draft, name: str, file: str, trust: Trust) -> None:
    """
    Add one plugin that has a file of its own.
    """
    try:
        document = read_document(file)
    except ConfigurationError as error:
        draft.problems.extend(error.problems)
        return
    flaw = trust.doubt(document.status)
    if flaw is not None:
        draft.problems.append(Problem(Place(document.name), flaw))
    draft.add_plugin(name, document)
