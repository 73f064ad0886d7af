# -*- test-case-name: tests.conformance.test_misbehave -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tools that do what no plugin should, on demand, and two that help to see it.

They are there only where ``MCPD_FIXTURE`` says ``hostile``, after all others.
"""

from __future__ import annotations

import sys
import threading

from tests.conformance.call import Call
from tests.conformance.machine import Message
from tests.conformance.tools import Tool
from tests.conformance.values import says, schema

FOREIGN = 987654321
"""An id that no client of ours has used."""

_CHUNK = 65536


def _exit(call: Call) -> Message:
    call.host.machine.leave(call.argument("code", int, 1))


def _hang(call: Call) -> None:
    call.host.machine.wait(threading.Event(), None)


def _twice(call: Call) -> Message:
    call.reply(says("one"))
    return says("two")


def _foreign(call: Call) -> Message:
    call.reply(says("not yours"), call.argument("id", int, FOREIGN))
    return says("yours")


def _late(call: Call) -> None:
    call.host.machine.wait(call.cancelled, None)
    call.reply(says("too late"))


def _garbage(call: Call) -> Message:
    call.host.outlet.write(b"this is not JSON\n")
    return says("There was a line that is not JSON.")


def _endless(call: Call) -> None:
    # One write, so that no other call's line gets into this one.
    call.host.outlet.write(b"x" * call.argument("bytes", int, 1 << 20))


def _flood_stderr(call: Call) -> Message:
    line = b"The sky is falling.\n"
    left = call.argument("bytes", int, 1 << 20)
    while left > 0:
        call.host.machine.complain((line * (_CHUNK // len(line)))[:left])
        left -= _CHUNK // len(line) * len(line)
    return says("Enough said.")


def _flood_progress(call: Call) -> Message:
    count = call.argument("count", int, 1000)
    for number in range(count):
        call.progress(number, count, "More")
    return says(f"{count} notices")


def _spawn(call: Call) -> Message:
    seconds = call.argument("seconds", float, 60.0)
    program = (sys.executable, "-I", "-c", f"import time; time.sleep({seconds})")
    return says(str(call.host.machine.spawn(program, call.argument("away", bool, False))))


def _sleep(call: Call) -> Message:
    seconds = call.argument("seconds", float, 1.0)
    call.rest(seconds)
    return says(f"Slept {seconds} s.")


def _touch(call: Call) -> Message:
    uri = call.argument("uri", str, "test://watched-resource")
    call.host.change("resource", uri)
    return says(f"{uri} changed.")


def _echo(call: Call) -> Message:
    return says(call.argument("text", str))


def _takes(name: str, kind: str) -> Message:
    return schema({name: {"type": kind}})


_SPAWN = schema({"seconds": {"type": "number"}, "away": {"type": "boolean"}})

HOSTILE = (
    Tool("echo", "Says its argument.", _echo, schema({"text": {"type": "string"}}, ["text"])),
    Tool("misbehave_touch", "Says that a resource changed.", _touch, _takes("uri", "string")),
    Tool("misbehave_sleep", "Takes its time.", _sleep, _takes("seconds", "number")),
    Tool("misbehave_exit", "Exits in the middle of the call.", _exit, _takes("code", "integer")),
    Tool("misbehave_hang", "Never answers, cancelled or not.", _hang),
    Tool("misbehave_twice", "Answers twice.", _twice),
    Tool("misbehave_foreign", "Answers an id that nobody uses.", _foreign, _takes("id", "integer")),
    Tool("misbehave_late", "Answers once it is cancelled.", _late),
    Tool("misbehave_garbage", "Writes a line that is not JSON.", _garbage),
    Tool("misbehave_endless", "Writes bytes without an end of line.", _endless, _takes("bytes", "integer")),
    Tool("misbehave_stderr", "Floods standard error.", _flood_stderr, _takes("bytes", "integer")),
    Tool("misbehave_progress", "Floods its progress.", _flood_progress, _takes("count", "integer")),
    Tool("misbehave_spawn", "Starts a child that keeps the pipes open.", _spawn, _SPAWN),
)
"""Those tools."""
