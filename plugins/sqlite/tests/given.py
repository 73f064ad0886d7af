# -*- test-case-name: plugins.sqlite.tests.given -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests begin with: a database with a secret beside it, and a client in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.sqlite.asking.call import Call, Json
from plugins.sqlite.asking.eras import META, MODERN
from plugins.sqlite.asking.offer import TOOLS
from plugins.sqlite.asking.resources import Asking
from plugins.sqlite.asking.server import Server
from plugins.sqlite.asking.shelf import Shelf
from plugins.sqlite.asking.tools import Told, Tools

MODERN_META: Json = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"

_SHOP = """
    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x', price REAL, photo BLOB);
    CREATE UNIQUE INDEX item_name ON item (name);
    CREATE TABLE sale (item_id INTEGER REFERENCES item (id), tag TEXT REFERENCES item,
        n GENERATED ALWAYS AS (1));
    CREATE VIEW cheap AS SELECT * FROM item WHERE price < 2;
    CREATE TABLE "odd ""name""; DROP TABLE item" (a);
    INSERT INTO item VALUES (1, 'apple', 1.5, x'00ff'), (2, 'pear', 2.5, NULL);
"""


class Databases(SynchronousTestCase):
    """
    A database called ``shop``.

    Attributes:
        base: The folder that it is in.
        shop: Its file.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.base = Path(self.mktemp()).absolute()
        self.base.mkdir()
        self.shop = self.make("shop.db", _SHOP)

    def make(self, name: str, script: str) -> Path:
        """
        Make a database.
        """
        path = self.base / name
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        return path

    def put(self, name: str, content: bytes | str) -> Path:
        """
        Write a file beside it.
        """
        path = self.base / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def shelf(self, *paths: Path) -> Shelf:
        """
        Take some databases, until the test is over.
        """
        shelf = Shelf.of([str(path) for path in paths or (self.shop,)])
        self.addCleanup(shelf.close)
        return shelf

    def asking(self, *paths: Path) -> Asking:
        """
        Make what has calls answered in this process.
        """
        tools = Tools(self.shelf(*paths))

        def ask(name: str, arguments: Json, call: Call) -> Any:
            return tools.answer(name, arguments)

        return ask

    def ask(self, tool: str, *paths: Path, **arguments: Any) -> Told:
        """
        Call a tool.
        """
        told: Told = self.asking(*paths)(tool, TOOLS[tool].judge(arguments), Call())
        return told

    def rows(self, sql: str, *parameters: Any, limit: int = 100) -> Any:
        """
        Tell the rows of a query.
        """
        return self.ask("query", sql=sql, parameters=list(parameters), limit=limit)[0]["rows"]


class Conversation(Databases):
    """
    A server, and a client that keeps what it is told.

    Attributes:
        said: What the server wrote, decoded.
        waiting: Calls that were started; they run when the test says so.
        log: What the operator was told.
    """

    def setUp(self) -> None:
        """
        Start a server.
        """
        super().setUp()
        self.said: list[Json] = []
        self.waiting: list[Callable[[], None]] = []
        self.log: list[str] = []
        self.server = self.serve(self.asking())

    def serve(self, asking: Asking) -> Server:
        """
        Start a server that has somebody answer.
        """
        return Server(asking, "The sentence.", self.hear, self.waiting.append, self.log.append)

    def hear(self, line: bytes) -> None:
        """
        Take a line from the server: one line, ASCII, JSON.
        """
        self.assertEqual(line.find(b"\n"), len(line) - 1)
        self.said.append(json.loads(line.decode("ascii")))

    def send(self, message: Any) -> list[Json]:
        """
        Send one message; gives what the server says to it, once what it started has run.
        """
        self.server.hear(message if isinstance(message, bytes) else json.dumps(message).encode())
        return self.flush()

    def flush(self) -> list[Json]:
        """
        Forget, and give, what was said.
        """
        said, self.said[:] = list(self.said), []
        return said

    def run_all(self) -> list[Json]:
        """
        Run the calls that wait.
        """
        while self.waiting:
            self.waiting.pop(0)()
        return self.flush()

    def request(self, method: str, identity: Any = 1, **params: Any) -> Json:
        """
        Send a request; gives its answer.
        """
        self.server.hear(
            json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}).encode()
        )
        (answer,) = self.run_all()
        return answer

    def modern(self, method: str, **params: Any) -> Json:
        """
        Send a request of the modern era.
        """
        return self.request(method, _meta=MODERN_META, **params)

    def greet(self, version: str = "2025-11-25") -> Json:
        """
        Do the handshake of the legacy era.
        """
        about = {"name": "test", "version": "1"}
        answer = self.request("initialize", protocolVersion=version, capabilities={}, clientInfo=about)
        self.assertEqual(self.send({"jsonrpc": "2.0", "method": "notifications/initialized"}), [])
        return answer

    def call(self, name: str, identity: Any = 7, **arguments: Any) -> None:
        """
        Send a call, which waits in ``waiting``.
        """
        params = {"name": name, "arguments": arguments, "_meta": MODERN_META}
        self.assertEqual(
            self.send({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}), []
        )

    def cancel(self, identity: Any) -> None:
        """
        Cancel a call.
        """
        params = {"requestId": identity}
        self.assertEqual(
            self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}), []
        )
