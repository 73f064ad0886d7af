# -*- test-case-name: tests.live.test_npm -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Node and programs for it, found or installed into the virtual environment.

They need Node 22, which npm has as a package: the machine's own Node may be
any that runs npm.
"""

from __future__ import annotations

import json
import shutil
from typing import Any
from unittest import SkipTest

from tests.live.process import VENV, finish

NODE = "22"
"""The major version of Node."""

SUITE = "0.2.0-alpha.12"
"""The version of the conformance suite; another one's scenarios would be other promises."""

INSPECTOR = "2.12.0"
"""The version of the inspector; others have other options."""

SDK = "1.32.2"
"""The version of the official SDK's first major version, which is one package."""

CLIENT = "2.4.0"
"""The version of the official SDK's second major version, whose client is a package of its own."""

MODULES = VENV / "node_modules"
"""Where the packages are; programs that are not packages find them by NODE_PATH."""

_PACKAGES = {
    "node": NODE,
    "@modelcontextprotocol/conformance": SUITE,
    "@modelcontextprotocol/inspector": INSPECTOR,
    "@modelcontextprotocol/sdk": SDK,
    "@modelcontextprotocol/client": CLIENT,
}
_PATIENCE = 300.0


async def conformance(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the official conformance suite, and install it if it is not there.

    Raises:
        SkipTest: It can't be installed; the text says what is missing.
    """
    return await program(reactor, str(MODULES / "@modelcontextprotocol/conformance/dist/index.js"))


async def inspector(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the official inspector, as above.
    """
    return await program(
        reactor, str(MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js")
    )


async def mcpdo(reactor: Any) -> tuple[str, str]:
    """
    Tell the command that runs the inspector's other command line, which keeps its connections, as above.
    """
    return await program(
        reactor, str(MODULES / "@modelcontextprotocol/inspector/clients/mcpdo/build/mcp-bin.js")
    )


async def program(reactor: Any, script: str) -> tuple[str, str]:
    """
    Tell the command that runs a script with Node and all those packages, as above.
    """
    await _install(reactor)
    return str(MODULES / "node" / "bin" / "node"), script


async def _install(reactor: Any) -> None:
    if all(_is_there(name, version) for name, version in _PACKAGES.items()):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise SkipTest("This needs npm, which is not on the PATH.")
    # All at once: npm removes what it was not asked for.
    wanted = [f"{name}@{version}" for name, version in _PACKAGES.items()]
    options = ("install", "--prefix", str(VENV), "--no-save", "--no-audit", "--no-fund")
    ended = await finish(reactor, (npm, *options, *wanted), _PATIENCE)
    if ended.code != 0:
        raise SkipTest(f"npm could not install what this needs: {ended.said[-500:]}")


def _is_there(name: str, version: str) -> bool:
    try:
        described = json.loads((MODULES / name / "package.json").read_text())
    except FileNotFoundError:
        return False
    # As far as the version says: the major one may be all.
    return f"{described['version']}.".startswith(f"{version}.")
