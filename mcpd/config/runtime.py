# -*- test-case-name: tests.config.test_runtime -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where the admin socket is: the daemon and ``mcpctl`` find its folder by the same rules.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mcpd.config.document import read_document
from mcpd.config.draft import Draft
from mcpd.config.load import SYSTEM, find_configuration, read_environment
from mcpd.config.problem import ConfigurationError
from mcpd.config.settings import DaemonSettings

SYSTEM_FOLDER = "/run/mcpd"
"""The system's own daemon has its socket here."""


def folders(runtime: str, state: str, environ: Mapping[str, str], uid: int) -> tuple[str, ...]:
    """
    Tell where the socket may be.

    Args:
        runtime: What ``daemon.runtime_dir`` says; empty: nothing.
        state: What ``daemon.state_dir`` says.
        environ: The environment: ``RUNTIME_DIRECTORY`` (systemd.exec(5)) and
            ``XDG_RUNTIME_DIR`` (XDG Base Directory Specification 0.8).
        uid: Who the daemon or the visitor is.

    Returns:
        Folders.  A daemon takes the first; a visitor looks in one after another.
    """
    if runtime:
        return (runtime,)
    found = []
    given, _, _ = environ.get("RUNTIME_DIRECTORY", "").partition(":")
    if os.path.isabs(given):
        found.append(given)
    if uid == 0:
        found.append(SYSTEM_FOLDER)
    session = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(session):
        found.append(os.path.join(session, "mcpd"))
    found.append(os.path.join(state, "run"))
    # Last for others than root, who cannot have made it: their own daemon comes first.
    return tuple(dict.fromkeys([*found, SYSTEM_FOLDER]))


def likely_folders(environ: Mapping[str, str], uid: int, system: str = SYSTEM) -> tuple[str, ...]:
    """
    Tell where a visitor looks, who has the daemon's environment or the system's.

    The configuration is not judged here: the daemon may run with an earlier
    one.  What cannot be read says nothing.

    Args:
        environ: The environment, for ``MCPD_CONFIG``, too.
        uid: Who the visitor is.
        system: The main file that is used if nobody names another.
    """
    path = find_configuration(None, environ, system)
    daemon = DaemonSettings()
    if path is None:
        draft, state = Draft.of_nothing("nothing"), state_dir(environ)
    else:
        draft, state = _draft(path), daemon.state_dir
    read_environment(draft, environ, os.getcwd())
    said = draft.table("daemon")
    return folders(_text(said, "runtime_dir", ""), _text(said, "state_dir", state), environ, uid)


def state_dir(environ: Mapping[str, str]) -> str:
    """
    Find the folder for state (XDG Base Directory Specification 0.8).
    """
    said = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(said):  # the specification: ignore a relative one
        return os.path.join(said, "mcpd")
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(home, ".local", "state", "mcpd")


def _draft(path: str) -> Draft:
    try:
        return Draft.of_file(read_document(str(Path(path))))
    except ConfigurationError:
        return Draft.of_nothing(path)


def _text(table: Mapping[str, object], key: str, default: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) and value and "\0" not in value else default
