# -*- test-case-name: tests.config.test_anchor -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Relative paths start at the folder of the file that they are written in.

This works on tables as they were written, before values of several files come
together.  What is not of the right type stays as it is, to be refused later.
"""

from __future__ import annotations

import os
from typing import Any

from mcpd.config.addresses import anchor_endpoint

_FILE = "file:"


def anchor_daemon(table: Any, folder: str) -> None:
    """
    Anchor the paths of a ``[daemon]`` table.

    Args:
        table: The table, which is changed.
        folder: The absolute path of its file's folder.
    """
    if not isinstance(table, dict):
        return
    for key in table.keys() & {"state_dir", "runtime_dir", "plugin_dir"}:
        table[key] = _anchored(table[key], folder)
    log = table.get("log")
    if isinstance(log, dict) and log.get("file", "-") != "-":
        log["file"] = _anchored(log["file"], folder)


def anchor_listen(table: Any, folder: str) -> None:
    """
    Anchor the paths of one ``[[listen]]`` table: its UNIX socket, its certificates, its key's file.

    Args:
        table: The table, which is changed.
        folder: The absolute path of its file's folder.
    """
    if not isinstance(table, dict):
        return
    if isinstance(endpoint := table.get("endpoint"), str):
        table["endpoint"] = anchor_endpoint(endpoint, folder)
    if not isinstance(tls := table.get("tls"), dict):
        return
    for key in tls.keys() & {"certificate", "client_ca", "client_crl"}:
        tls[key] = _anchored(tls[key], folder)
    key = tls.get("private_key")
    if isinstance(key, str) and key.startswith(_FILE):
        tls["private_key"] = _FILE + _anchored(key.removeprefix(_FILE), folder)


def anchor_plugin(table: Any, folder: str) -> None:
    """
    Anchor the paths of a plugin's table.

    An argument of the command is a path only if it says so by ``./`` or
    ``../``; the program is one as soon as it has a slash.

    Args:
        table: The table, which is changed.
        folder: The absolute path of its file's folder.
    """
    if not isinstance(table, dict):
        return
    if "cwd" in table:
        table["cwd"] = _anchored(table["cwd"], folder)
    if isinstance(table.get("path"), list):
        table["path"] = [_anchored(entry, folder) for entry in table["path"]]
    if isinstance(table.get("command"), list):
        table["command"] = [
            _anchored(word, folder) if _is_path(index, word) else word
            for index, word in enumerate(table["command"])
        ]


def _is_path(index: int, word: Any) -> bool:
    return isinstance(word, str) and (word.startswith(("./", "../")) or (index == 0 and "/" in word))


def _anchored(path: Any, folder: str) -> Any:
    return os.path.normpath(os.path.join(folder, path)) if path and isinstance(path, str) else path
