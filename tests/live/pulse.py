# -*- test-case-name: tests.live.test_slow -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A well-behaved client that calls a tool at a steady pace, and tells how long its answers took.

Run as ``python -m tests.live.pulse URL KEYFILE TOOL [AUTHORITY]``, until its
standard input ends.  It prints a line when it begins to count, and a JSON
object at its end.  It is a process of its own, so that what a crowd costs the
crowd's own process does not count.
"""

from __future__ import annotations

import json
import select
import ssl
import sys
import time
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.live.client import MODERN, modern, new_fields

# Seconds between an answer and the next call.
_PACE = 0.002
_PATIENCE = 30.0
# Calls that do not count: the first ones open a connection, and find caches cold.
_COLD = 20

WARM = "warm"
"""What it says then."""


def main(url: str, keyfile: str, tool: str, authority: str = "") -> None:
    """
    Call until nobody wants to know any more.
    """
    at = urlsplit(url)
    connection = _connection(at.netloc, authority)
    fields = {
        **new_fields(Path(keyfile).read_text().strip()),
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    body = json.dumps(modern(1, "tools/call", {"name": tool, "arguments": {"text": "x"}}))
    took = list[float]()
    for _ in range(_COLD):
        connection.request("POST", at.path, body, fields)
        connection.getresponse().read()
    print(WARM, flush=True)  # noqa: T201  what the test reads
    while not select.select([sys.stdin], [], [], _PACE)[0]:
        began = time.perf_counter()
        connection.request("POST", at.path, body, fields)
        with connection.getresponse() as answer:
            said = json.load(answer)
        took.append(time.perf_counter() - began)
        if said.get("result", {}).get("content") != [{"type": "text", "text": "x"}]:
            raise SystemExit(f"A call got {said}")
    print(json.dumps(_told(sorted(took))))  # noqa: T201  likewise


def _connection(place: str, authority: str) -> HTTPConnection:
    if not authority:
        return HTTPConnection(place, timeout=_PATIENCE)
    trusting = ssl.create_default_context(cafile=authority)
    return HTTPSConnection(place, timeout=_PATIENCE, context=trusting)


def _told(took: list[float]) -> dict[str, Any]:
    # Seconds; the 99th percentile is that of the calls, of which there have to be some.
    count = len(took)
    return {"calls": count, "p50": took[count // 2], "p99": took[count * 99 // 100], "worst": took[-1]}


if __name__ == "__main__":
    main(*sys.argv[1:])
