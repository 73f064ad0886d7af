# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The least that is a plugin: answers ``echo`` with its text, ``blob`` with 100 KiB, ``sink`` with nothing.

It finds what it needs by looking for it in the line, so that it costs little.
"""

from __future__ import annotations

import json
import sys

TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("echo", "blob", "sink")]
BLOB = "x" * (100 << 10)


def _answer(message: dict[str, object]) -> dict[str, object] | None:
    match message["method"]:
        case "initialize":
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "echo", "version": "1"},
            }
        case "tools/list":
            return {"tools": TOOLS}
    return None


def _text(line: str) -> str:
    if '"name":"blob"' in line[:200]:
        return json.dumps(BLOB)
    if '"name":"sink"' in line[:200]:
        return '""'
    start = line.index('"text":') + 7
    return line[start : line.index("}", start)]


def main() -> None:
    """
    Answer until the input ends.
    """
    for line in sys.stdin:
        head = line[:200]
        if '"method":"tools/call"' in head:
            start = head.index('"id":') + 5
            id = head[start : head.index(",", start)]
            content = f'{{"content":[{{"type":"text","text":{_text(line)}}}]}}'
            sys.stdout.write(f'{{"jsonrpc":"2.0","id":{id},"result":{content}}}\n')
        else:
            message = json.loads(line)
            if "id" not in message:
                continue
            result = _answer(message)
            said = {"error": {"code": -32601, "message": "?"}} if result is None else {"result": result}
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **said}))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
