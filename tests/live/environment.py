# -*- test-case-name: tests.live.test_sdk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Python packages that are not ours, each in a virtual environment of its own.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest import SkipTest

from tests.live.process import VENV, finish

_PATIENCE = 300.0


async def python(reactor: Any, name: str, package: str, version: str) -> str:
    """
    Tell the interpreter of an environment that has a package, and make it if it is not there.

    Args:
        reactor: The reactor.
        name: What its folder is named after, with the version.
        package: The package, as pip knows it.
        version: Its version.

    Raises:
        SkipTest: It can't be installed; the text says why.
    """
    folder = VENV / f"{name}-{version}"
    interpreter = str(folder / "bin" / "python")
    if (folder / "installed").exists():
        return interpreter
    pip = (interpreter, "-m", "pip", "install", "--quiet", f"{package}=={version}")
    for command in ((sys.executable, "-m", "venv", str(folder)), pip):
        ended = await finish(reactor, command, _PATIENCE)
        if ended.code != 0:
            raise SkipTest(f"pip could not install {package} {version}: {ended.said[-500:]}")
    (folder / "installed").touch()
    return interpreter
