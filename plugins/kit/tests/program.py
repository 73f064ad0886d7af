# -*- test-case-name: plugins.kit.tests.test_kit -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Programs built with the kit, and a client that talks with one of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

Json = dict[str, Any]

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
MODERN_META: Json = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
LINE = 4 << 20  # bytes of a message

LONG = 20.0  # seconds after which a test has failed
_COMPILER = tuple(shlex.split(os.environ.get("CC", "cc")))
_BUILT = 300.0  # seconds after which a build has failed


@cache
def built(folder: Path, name: str, asan: bool) -> str:
    """
    Build a program with the kit and tell where it is.

    Args:
        folder: Of its Makefile.
        name: Its name.
        asan: Whether with AddressSanitizer and UBSan.

    Raises:
        SkipTest: Something that it needs is not on this machine.
    """
    lack = _make(folder, name, "lacks").strip()
    if lack:
        raise SkipTest(f"{folder.name} is not built: {lack}.")
    if asan and not _sanitizes():
        raise SkipTest("There is no AddressSanitizer or UBSan (Debian: libasan8, libubsan1).")
    program = f"{name}-asan" if asan else name
    _make(folder, name, program)
    return str(folder / program)


@cache
def _sanitizes() -> bool:
    command = (*_COMPILER, "-fsanitize=address,undefined", "-x", "c", "-", "-o", "/dev/null")
    source = b"int main(void) { return 0; }"
    return (
        subprocess.run(command, input=source, capture_output=True, timeout=_BUILT, check=False).returncode
        == 0
    )


def _make(folder: Path, name: str, goal: str) -> str:
    command = ("make", "-s", "--no-print-directory", "-C", str(folder), f"NAME={name}", goal)
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_BUILT, check=False)
    except FileNotFoundError:
        raise SkipTest("There is no make on the PATH.") from None
    if ended.returncode:
        raise AssertionError(ended.stderr)
    return ended.stdout


class Conversation(SynchronousTestCase):
    """
    A client of one program, which is run as an operator would run it.

    Attributes:
        folder: Of the program's Makefile.
        name: The program's.
        asan: Whether the one with sanitizers is meant, which fails at a leak,
            too, when it ends.
        arguments: Of the program.
    """

    folder: Path
    name: str
    asan = False

    def setUp(self) -> None:
        """
        Start it.
        """
        self.start()

    def start(self, *arguments: str) -> None:
        """
        Start it with some arguments, in the place of one that may be running.
        """
        pipe = subprocess.PIPE
        command = (built(self.folder, self.name, self.asan), *arguments)
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        self.addCleanup(_end, self.process)
        # Whatever hangs is killed, which ends all reading below.
        watch = threading.Timer(LONG, self.process.kill)
        watch.start()
        self.addCleanup(watch.cancel)
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr

    def send(self, *lines: bytes) -> None:
        """
        Send lines as they are.
        """
        self.stdin.write(b"".join(line + b"\n" for line in lines))
        self.stdin.flush()

    def say(self, method: str, identity: Any = None, **params: Any) -> None:
        """
        Send a message.
        """
        message: Json = {"jsonrpc": "2.0", "method": method, "params": params}
        if identity is not None:
            message["id"] = identity
        self.send(json.dumps(message).encode())

    def hear(self) -> Json:
        """
        Take a message: a line of JSON.
        """
        message: Json = json.loads(self.stdout.readline())
        self.assertEqual(message["jsonrpc"], "2.0")
        return message

    def ask(self, method: str, identity: Any = 1, **params: Any) -> Json:
        """
        Send a request and take what comes.
        """
        self.say(method, identity, **params)
        return self.hear()

    def greet(self, version: str = LEGACY[-1]) -> Json:
        """
        Do the handshake of the legacy era.
        """
        about = {"name": "test", "version": "1"}
        answer = self.ask("initialize", 0, protocolVersion=version, capabilities={}, clientInfo=about)
        self.say("notifications/initialized")
        return answer

    def call(self, tool: str, arguments: Mapping[str, object], modern: bool = True) -> Json:
        """
        Call a tool and give the result, which may say that it failed.
        """
        meta = {"_meta": MODERN_META} if modern else {}
        answer = self.ask("tools/call", 7, name=tool, arguments=arguments, **meta)
        self.assertEqual(answer["id"], 7)
        result: Json = answer["result"]
        return result

    def give(self, tool: str, **arguments: object) -> Json:
        """
        Call a tool that has to succeed, and give its structured content.
        """
        result = self.call(tool, arguments)
        self.assertFalse(result["isError"], result)
        given: Json = result["structuredContent"]
        return given

    def refuse(self, tool: str, **arguments: object) -> str:
        """
        Call a tool that has to fail, and give its sentence.
        """
        result = self.call(tool, arguments)
        self.assertTrue(result["isError"], result)
        self.assertNotIn("structuredContent", result)
        text: str = result["content"][0]["text"]
        return text

    def tools(self) -> Sequence[Json]:
        """
        Tell the tools, as a modern client sees them.
        """
        listed: Sequence[Json] = self.ask("tools/list", _meta=MODERN_META)["result"]["tools"]
        return listed

    def close(self) -> bytes:
        """
        End its input; it has to end well and soon.  Gives what it said until then, but had not been read.
        """
        self.stdin.close()
        said = self.stdout.read()
        told = self.stderr.read()
        self.assertEqual(self.process.wait(LONG), 0, told)
        return said


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):
            stream.close()
