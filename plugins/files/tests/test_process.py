# -*- test-case-name: plugins.files.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests with real processes, each bounded in time: the program, and searches apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from plugins.files import beneath
from plugins.files.beneath.apart import Apart
from plugins.files.beneath.call import Call, Json, Refused
from plugins.files.beneath.serve import Input, Output, pool
from plugins.files.tests.given import Folders, query, quiet

HERE = Path(beneath.__file__).absolute().parent.parent
PROGRAM = (sys.executable, "-I", str(HERE / "files.py"))
SEARCH = (*PROGRAM, "--search")
LONG = 20.0  # seconds after which a test has failed
EVIL = "(a+)+$"


class Program(Folders):
    """
    The program, run as an operator would run it.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        super().setUp()
        self.put("evil.txt", b"one match of a\n" + b"a" * 60 + b"!\n")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*PROGRAM, str(self.docs)], stdin=pipe, stdout=pipe, stderr=pipe)
        self.addCleanup(self.end)
        # Whatever hangs is killed, which ends all reading below.
        self.watch = threading.Timer(LONG, self.process.kill)
        self.watch.start()
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self.say("initialize", 0, protocolVersion="2025-11-25")
        self.assertEqual(self.hear()["id"], 0)

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

    def call(self, identity: int, name: str, **arguments: Any) -> None:
        """
        Call a tool.
        """
        meta = {"progressToken": identity}
        self.say("tools/call", identity, name=name, arguments=arguments, _meta=meta)

    def children(self) -> list[int]:
        """
        Tell which processes it has started.
        """
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

    def wait_for(self, children: bool) -> None:
        """
        Wait until it has, or has not, a process that searches.
        """
        end = time.monotonic() + LONG
        while bool(self.children()) is not children:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_search(self) -> None:
        """
        A search is answered, with its progress before.
        """
        self.call(1, "search", query="Hello", context=1)
        self.assertEqual(self.hear()["method"], "notifications/progress")
        told = self.hear()["result"]["structuredContent"]
        self.assertEqual([match["path"] for match in told["matches"]], ["docs/guide/intro.md"])

    def test_cancel(self) -> None:
        """
        A search lost in a bad expression holds nobody up, and a cancel kills it without an answer.
        """
        self.call(1, "search", query=EVIL, regex=True)
        self.wait_for(children=True)
        self.say("ping", 2)
        self.assertEqual(self.hear(), {"jsonrpc": "2.0", "id": 2, "result": {}})
        self.say("notifications/cancelled", requestId=1)
        self.wait_for(children=False)
        self.call(3, "stat", path="docs")
        self.assertEqual(self.hear()["id"], 3)

    def test_watched(self) -> None:
        """
        A client that has subscribed to a file is told when it changes, without asking.
        """
        uri = (self.docs / "a.txt").as_uri()
        self.say("resources/subscribe", 1, uri=uri)
        self.assertEqual(self.hear()["result"], {})
        self.put("a.txt", b"another content\n")
        self.assertEqual(self.hear()["params"], {"uri": uri})
        self.say("resources/read", 2, uri=uri)
        self.assertEqual(self.hear()["result"]["contents"][0]["text"], "another content\n")

    def test_end_of_input(self) -> None:
        """
        At the end of input it answers what was asked and ends quietly.
        """
        self.call(1, "read", path="docs/a.txt")
        self.stdin.close()
        self.assertEqual(self.hear()["id"], 1)
        self.assertEqual(self.process.wait(LONG), 0)
        self.assertEqual((self.stdout.read(), self.stderr.read()), (b"", b""))

    def test_terminated(self) -> None:
        """
        SIGTERM ends it at once and quietly, and its searches with it.
        """
        self.call(1, "search", query=EVIL, regex=True)
        self.wait_for(children=True)
        searching = self.children()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(LONG), 0)
        self.assertEqual(self.stderr.read(), b"")
        for pid in searching:
            end = time.monotonic() + LONG
            while _alive(pid):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)

    def test_terminated_unread(self) -> None:
        """
        SIGTERM ends it even while its client reads nothing.
        """
        self.put("large", b"x" * 200_000)
        for identity in range(1, 9):
            self.call(identity, "read", path="docs/large")
        self.hear()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(LONG), 0)

    def test_reader_gone(self) -> None:
        """
        When nobody reads its answers any more it ends quietly.
        """
        self.stdout.close()
        self.call(1, "stat", path="docs")
        self.assertEqual(self.process.wait(LONG), 0)
        self.assertEqual(self.stderr.read(), b"")

    def test_flood(self) -> None:
        """
        Many answers at once stay whole lines, in whatever order they come.
        """
        self.put("large", b"x" * 100_000)
        for identity in range(1, 31):
            self.call(identity, "read", path="docs/large")
        self.assertEqual(sorted(self.hear()["id"] for _ in range(30)), list(range(1, 31)))


def _alive(pid: int) -> bool:
    # A zombie, which nobody in a container may reap, is not alive.
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


class StartTests(Folders):
    """
    How the program starts, and how it does not.
    """

    def run_program(self, *roots: str) -> subprocess.CompletedProcess[bytes]:
        """
        Run it until it ends, with nothing to read.
        """
        return subprocess.run(
            [*PROGRAM, *roots], stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG, check=False
        )

    def test_bad_roots(self) -> None:
        """
        Without roots, or with one that is no folder, it says so and ends with status 2.
        """
        for roots in ((), (str(self.base / "none"),), (str(self.docs), str(self.docs / "a.txt"))):
            ended = self.run_program(*roots)
            self.assertEqual((ended.returncode, ended.stdout), (2, b""))
            self.assertEqual(ended.stderr.count(b"\n"), 1)
            self.assertTrue(ended.stderr.startswith(b"files: "))

    def test_nothing_asked(self) -> None:
        """
        Without a client it ends quietly.
        """
        ended = self.run_program(str(self.docs))
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, b"", b""))

    def test_configuration(self) -> None:
        """
        The command in plugin.toml starts this program.
        """
        told = tomllib.loads((HERE / "plugin.toml").read_text())
        self.assertEqual(told["command"][:3], ["python3", "-I", "./files.py"])
        self.assertTrue((HERE / told["command"][3]).is_dir())


class ApartTests(Folders):
    """
    Searches in a process of their own.
    """

    def events(self, apart: Apart, call: Call | None = None, **more: Any) -> list[Json]:
        """
        Search for an expression that loses its way in one file.
        """
        self.put("evil.txt", b"one match of a\n" + b"a" * 60 + b"!\n")
        return list(apart(self.roots, query(EVIL, regex=True, **more), call or quiet()))

    def test_deadline(self) -> None:
        """
        A search that takes too long ends at its deadline, with what it had found.
        """
        first, last = self.events(Apart(SEARCH, 1.5), path="docs/evil.txt")
        self.assertEqual(first["match"]["line"], 1)
        self.assertEqual(last["status"]["stopped"], "time")

    def test_killed(self) -> None:
        """
        A search that was cancelled before it began is killed, and that is no failure of ours.
        """
        call = quiet()
        call.cancel()
        self.assertEqual([event for event in self.events(Apart(SEARCH), call) if "status" in event], [])

    def test_left(self) -> None:
        """
        A search that nobody follows any more is killed.
        """
        self.put("b.txt", b"ab\n" * 100)
        following = Apart(SEARCH)(self.roots, query("b", path="docs/b.txt"), quiet())
        self.assertIn("match", next(following))
        following.close()  # type: ignore[attr-defined]

    def test_no_process(self) -> None:
        """
        Where no process can be started, the model is told to try later.
        """
        self.assertRaises(Refused, self.events, Apart(("/nowhere/at/all",)))

    def test_broken(self) -> None:
        """
        A search that fails by our own fault is no answer, whether it reads its order or not.
        """
        for program in (
            "import sys; sys.exit(3)",
            "import sys; sys.stdin.read(); print('{', end=''); sys.exit(3)",
        ):
            self.assertRaises(RuntimeError, self.events, Apart((sys.executable, "-I", "-c", program)))


class OutputTests(Folders):
    """
    Descriptors and threads.
    """

    def test_whole(self) -> None:
        """
        Everything is written, however little a pipe takes at once.
        """
        reading, writing = os.pipe()
        data = b"x" * 1_000_000
        taken = bytearray()

        def take() -> None:
            while chunk := os.read(reading, 1000):
                taken.extend(chunk)

        taking = threading.Thread(target=take)
        taking.start()
        Output(writing, lambda: None).write(data)
        os.close(writing)
        taking.join(LONG)
        os.close(reading)
        self.assertEqual(len(taken), len(data))

    def test_gone(self) -> None:
        """
        It is told, and not raised, that nobody reads any more.
        """
        reading, writing = os.pipe()
        os.close(reading)
        gone: list[bool] = []
        Output(writing, lambda: gone.append(True)).write(b"x")
        os.close(writing)
        self.assertEqual(gone, [True])

    def test_input(self) -> None:
        """
        Input is what was written, until it is ended, however often.
        """
        reading, writing = os.pipe()
        source = Input(reading)
        os.write(writing, b"abc")
        self.assertEqual((source.read(2), source.ended), (b"ab", False))
        for _ in range(100_000):
            source.end()
        self.assertEqual((source.read(2), source.ended), (b"", True))
        for fd in (reading, writing, source.wake):
            os.close(fd)

    def test_pool(self) -> None:
        """
        So many calls run at once and no more.
        """
        start = pool(2)
        free, running = threading.Event(), threading.Semaphore(0)

        def work() -> None:
            running.release()
            free.wait(LONG)

        for _ in range(3):
            start(work)
        self.assertTrue(running.acquire(timeout=LONG))
        self.assertTrue(running.acquire(timeout=LONG))
        self.assertFalse(running.acquire(timeout=0.05))
        free.set()
        self.assertTrue(running.acquire(timeout=LONG))
