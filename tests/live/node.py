# -*- test-case-name: tests.live.test_conformance -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Node and the official conformance suite, found or installed into the virtual environment.

The suite needs Node 22, which npm has as a package: the machine's own Node may
be any that runs npm.
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
"""The version of the suite; another one's scenarios would be other promises."""

_MODULES = VENV / "node_modules"
_NODE = _MODULES / "node" / "bin" / "node"
_PACKAGE = _MODULES / "@modelcontextprotocol" / "conformance"
_PATIENCE = 300.0


async def conformance(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the suite, and install it if it is not there.

    Raises:
        SkipTest: It can't be installed; the text says what is missing.
    """
    if _version(_PACKAGE) != SUITE or _version(_MODULES / "node").partition(".")[0] != NODE:
        await _install(reactor)
    return str(_NODE), str(_PACKAGE / "dist" / "index.js")


async def _install(reactor: Any) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SkipTest("The conformance suite needs npm, which is not on the PATH.")
    wanted = (f"node@{NODE}", f"@modelcontextprotocol/conformance@{SUITE}")
    options = ("install", "--prefix", str(VENV), "--no-save", "--no-audit", "--no-fund")
    ended = await finish(reactor, (npm, *options, *wanted), _PATIENCE)
    if ended.code != 0:
        raise SkipTest(f"npm could not install the conformance suite: {ended.said[-500:]}")


def _version(package: Path) -> str:
    try:
        described = json.loads((package / "package.json").read_text())
    except FileNotFoundError:
        return ""
    return str(described["version"])
