# -*- test-case-name: tests.wire.test_uri -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
URIs of resources, as far as anybody but their plugin may judge them.

Patterns say who may read what, and templates whose a resource is; a path that
climbs would mean another resource than the one that was judged.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_SEPARATORS = re.compile(r"[/\\?#]")


def flaw(uri: str) -> str:
    """
    Say what is wrong with a URI that a client sends; empty if nothing.

    It is decoded once, as its plugin does, and never again (RFC 3986, section
    2.4).
    """
    if _UNFIT.search(uri):
        return "it has a blank, a control character or a backslash"
    decoded = unquote(uri, errors="replace")
    if _UNFIT.search(decoded.replace(" ", "")):
        return "a control character or a backslash is encoded in it"
    # RFC 3986, section 6.2.2.3: clients take dot segments out before they send.
    if ".." in decoded and ".." in _SEPARATORS.split(decoded):
        return 'it has a segment ".."'
    return ""
