# -*- test-case-name: plugins.sqlite.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests with the real program, each bounded in time.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from plugins.sqlite import asking
from plugins.sqlite.asking.call import Json
from plugins.sqlite.tests.given import ENDLESS, MODERN_META, Databases

HERE = Path(asking.__file__).absolute().parent.parent
PROGRAM = (sys.executable, "-I", str(HERE / "sqlite.py"))
LONG = 20.0  # seconds after which a test has failed
# One step of SQLite's machine, which nothing but a signal ends.
ENDLESS_STEP = (
    "SELECT length(trim(replace(hex(zeroblob(400000)), '0', 'a'), "
    "replace(hex(zeroblob(20000)), '0', 'bc') || 'a'))"
)


class Program(Databases):
    """
    The program, run as an operator would run it.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        super().setUp()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*PROGRAM, str(self.shop)], stdin=pipe, stdout=pipe, stderr=pipe)
        self.addCleanup(self.end)
        # Whatever hangs is killed, which ends all reading below.
        self.watch = threading.Timer(LONG, self.process.kill)
        self.watch.start()
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr

    def end(self) -> None:
        """
        Leave nothing running.
        """
        self.watch.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def say(self, method: str, identity: int | None = None, **params: Any) -> None:
        """
        Send a message.
        """
        message: Json = {"jsonrpc": "2.0", "method": method, "params": params}
        if identity is not None:
            message["id"] = identity
        self.stdin.write(json.dumps(message).encode() + b"\n")
        self.stdin.flush()

    def hear(self) -> Json:
        """
        Take a message.
        """
        message: Json = json.loads(self.stdout.readline())
        return message

    def query(self, identity: int, sql: str, **more: Any) -> None:
        """
        Send a query.
        """
        self.say("tools/call", identity, name="query", arguments={"sql": sql, **more}, _meta=MODERN_META)

    def running(self) -> list[int]:
        """
        Tell which processes there are because of it, besides itself.
        """
        found = [self.process.pid]
        for pid in found:
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in path.read_text().split()]
        return found[1:]

    def wait_for(self, count: int) -> None:
        """
        Wait until there are so many.
        """
        end = time.monotonic() + LONG
        while len(self.running()) != count:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def wait_gone(self, pids: list[int]) -> None:
        """
        Wait until none of these processes is there any more.
        """
        end = time.monotonic() + LONG
        while any(_alive(pid) for pid in pids):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_eras(self) -> None:
        """
        Both eras are spoken on one pipe.
        """
        self.say("initialize", 0, protocolVersion="2025-11-25")
        self.assertEqual(self.hear()["result"]["protocolVersion"], "2025-11-25")
        self.say("tools/call", 1, name="query", arguments={"sql": "SELECT name FROM item ORDER BY id"})
        told = self.hear()["result"]["structuredContent"]
        self.assertEqual(told["rows"], [["apple"], ["pear"]])
        self.query(2, "SELECT ?", parameters=["\u00e9"])
        self.assertEqual(self.hear()["result"]["resultType"], "complete")

    def test_slow(self) -> None:
        """
        Slow queries hold up neither a ping nor other queries, and a cancel ends each without an answer.
        """
        self.say("initialize", 0, protocolVersion="2025-11-25")
        self.hear()
        for identity, sql in enumerate((ENDLESS, ENDLESS_STEP, ENDLESS), 1):
            self.query(identity, sql)
        self.wait_for(4)
        self.say("ping", 10)
        self.assertEqual(self.hear()["id"], 10)
        self.query(11, "SELECT 1")
        self.assertEqual(self.hear()["id"], 11)
        for identity in (1, 2, 3):
            self.say("notifications/cancelled", requestId=identity)
        self.wait_for(1)
        self.query(12, "SELECT 1")
        self.assertEqual(self.hear()["id"], 12)

    def test_memory(self) -> None:
        """
        A query that wants too much memory is refused, and others at the same time have their own.
        """
        greedy = (
            "WITH RECURSIVE c(x) AS (SELECT hex(randomblob(400000)) UNION "
            "SELECT hex(randomblob(400000)) FROM c) SELECT count(*) FROM c"
        )
        self.query(1, greedy)
        self.query(2, "SELECT length(zeroblob(900000))")
        answers = {answer["id"]: answer["result"] for answer in (self.hear(), self.hear())}
        self.assertIn("memory", answers[1]["content"][0]["text"])
        self.assertIs(answers[2]["isError"], False)

    def test_deadline(self) -> None:
        """
        A query that would never end, even one in a single step, is answered at its deadline.
        """
        self.query(1, ENDLESS_STEP)
        self.query(2, ENDLESS)
        for _ in range(2):
            result = self.hear()["result"]
            self.assertIs(result["isError"], True)
            self.assertIn("longer than 10 seconds", result["content"][0]["text"])

    def test_end_of_input(self) -> None:
        """
        At the end of input it answers what was asked, and ends quietly with all that it started.
        """
        self.query(1, "SELECT 1")
        self.query(2, ENDLESS)
        self.wait_for(2)
        running = self.running()
        self.stdin.close()
        self.assertEqual(self.hear()["id"], 1)
        self.assertEqual(self.process.wait(LONG), 0)
        self.assertEqual((self.stdout.read(), self.stderr.read()), (b"", b""))
        self.wait_gone(running)

    def test_killed(self) -> None:
        """
        However it is ended, nothing of it stays behind, and its pipes are closed.
        """
        self.query(1, ENDLESS_STEP)
        self.wait_for(2)
        running = self.running()
        self.process.send_signal(signal.SIGKILL)
        self.assertEqual((self.stdout.read(), self.stderr.read()), (b"", b""))
        self.wait_gone(running)

    def test_terminated(self) -> None:
        """
        SIGTERM ends it at once, even while its client reads nothing.
        """
        for identity in range(20):
            self.query(identity, "SELECT hex(zeroblob(16000))")
        self.hear()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(LONG), -signal.SIGTERM)
        self.assertEqual(self.stderr.read(), b"")

    def test_reader_gone(self) -> None:
        """
        When nobody reads its answers any more it ends quietly.
        """
        self.stdout.close()
        self.query(1, "SELECT 1")
        self.assertEqual(self.process.wait(LONG), -signal.SIGPIPE)
        self.assertEqual(self.stderr.read(), b"")

    def test_flood(self) -> None:
        """
        Many answers at once stay whole lines, in whatever order they come.
        """
        for identity in range(30):
            self.query(identity, "SELECT hex(zeroblob(16000)), ?", parameters=[identity])
        answers = [self.hear() for _ in range(30)]
        self.assertEqual(sorted(answer["id"] for answer in answers), list(range(30)))
        for answer in answers:
            self.assertEqual(answer["result"]["structuredContent"]["rows"][0][1], answer["id"])


def _alive(pid: int) -> bool:
    # A zombie, which nobody in a container may reap, is not alive.
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


class StartTests(Databases):
    """
    How the program starts, and how it does not.
    """

    def run_program(self, *databases: str, said: Json | None = None) -> subprocess.CompletedProcess[bytes]:
        """
        Run it until it ends, with one message to read, or none.
        """
        given = b"" if said is None else json.dumps(said).encode() + b"\n"
        return subprocess.run(
            [*PROGRAM, *databases], input=given, capture_output=True, timeout=LONG, check=False
        )

    def test_none(self) -> None:
        """
        Without a database it says so and ends with status 2.
        """
        ended = self.run_program()
        self.assertEqual((ended.returncode, ended.stdout), (2, b""))
        self.assertTrue(ended.stderr.startswith(b"sqlite: give one database"))

    def test_broken(self) -> None:
        """
        With a database that is missing or broken it starts, says so, and serves the others.
        """
        self.put("noise.db", b"noise" * 1000)
        self.put("bad.sql", "CREATE")
        names = ("none.db", "noise.db", "bad.sql", "shop.db")
        said: Json = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        said["params"] = {"name": "tables", "_meta": MODERN_META}
        ended = self.run_program(*(str(self.base / name) for name in names), said=said)
        self.assertEqual(ended.returncode, 0)
        self.assertEqual(ended.stderr.count(b"\n"), 3)
        told = json.loads(ended.stdout)["result"]["structuredContent"]["databases"]
        self.assertEqual(["problem" in each for each in told], [True, True, True, False])

    def test_configuration(self) -> None:
        """
        The command in plugin.toml starts this program, and its demonstration works.
        """
        command = tomllib.loads((HERE / "plugin.toml").read_text())["command"]
        self.assertEqual(command[:3], ["python3", "-I", "./sqlite.py"])
        said: Json = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        arguments = {"sql": "SELECT month, euros FROM revenue ORDER BY month LIMIT 1"}
        said["params"] = {"name": "query", "arguments": arguments, "_meta": MODERN_META}
        ended = self.run_program(str(HERE / command[3]), said=said)
        rows = json.loads(ended.stdout)["result"]["structuredContent"]["rows"]
        self.assertEqual((rows, ended.stderr), ([["2026-01", 37.96]], b""))
