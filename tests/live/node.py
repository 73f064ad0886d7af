# -*- test-case-name: tests.live.test_conformance -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Node and programs for it, found or installed into the virtual environment.

They need Node 22, which npm has as a package: the machine's own Node may be
any that runs npm.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.live.process import VENV, finish

NODE = "22"
"""The major version of Node."""

SUITE = "0.2.0-alpha.12"
"""The version of the conformance suite; another one's scenarios would be other promises."""

INSPECTOR = "2.12.0"
"""The version of the inspector; others have other options."""

_MODULES = VENV / "node_modules"
_NODE = _MODULES / "node" / "bin" / "node"
_SUITE = _MODULES / "@modelcontextprotocol" / "conformance"
_INSPECTOR = _MODULES / "@modelcontextprotocol" / "inspector"
_PATIENCE = 300.0


async def conformance(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the official conformance suite, and install it if it is not there.

    Raises:
        SkipTest: It can't be installed; the text says what is missing.
    """
    await _install(reactor)
    return str(_NODE), str(_SUITE / "dist" / "index.js")


async def inspector(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the official inspector, and install it if it is not there.

    Raises:
        SkipTest: It can't be installed; the text says what is missing.
    """
    await _install(reactor)
    return str(_NODE), str(_INSPECTOR / "clients" / "launcher" / "build" / "index.js")


async def _install(reactor: Any) -> None:
    node = _version(_MODULES / "node").partition(".")[0]
    if (node, _version(_SUITE), _version(_INSPECTOR)) == (NODE, SUITE, INSPECTOR):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise SkipTest("This needs npm, which is not on the PATH.")
    # All at once: npm removes what it was not asked for.
    wanted = (
        f"node@{NODE}",
        f"@modelcontextprotocol/conformance@{SUITE}",
        f"@modelcontextprotocol/inspector@{INSPECTOR}",
    )
    options = ("install", "--prefix", str(VENV), "--no-save", "--no-audit", "--no-fund")
    ended = await finish(reactor, (npm, *options, *wanted), _PATIENCE)
    if ended.code != 0:
        raise SkipTest(f"npm could not install what this needs: {ended.said[-500:]}")


def _version(package: Path) -> str:
    try:
        described = json.loads((package / "package.json").read_text())
    except FileNotFoundError:
        return ""
    return str(described["version"])
