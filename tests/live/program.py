# -*- test-case-name: tests.live.test_proxies -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Programs of the system that tests need and Python does not bring.
"""

from __future__ import annotations

import shutil
from unittest import SkipTest

# Where a user's PATH need not lead.
_MORE = "/usr/sbin:/sbin"


def program(name: str) -> str:
    """
    Tell where a program is.

    Raises:
        SkipTest: It is nowhere.
    """
    found = shutil.which(name) or shutil.which(name, path=_MORE)
    if found is None:
        raise SkipTest(f"{name} is missing: apt-get install its package")
    return found
