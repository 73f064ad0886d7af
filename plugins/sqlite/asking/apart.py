# -*- test-case-name: plugins.sqlite.tests.test_apart -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Asking in a process of its own.

SQLite can be interrupted between two steps of its machine, but one step may
take an hour: ``trim()`` with two long texts is enough.  The kernel can end it at any time.

Starting Python for each call would take longer than most calls do.  So there is a
*source*: a process that was forked when the program began, before it had any
thread, does nothing, and forks whenever it is sent a socket.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from .call import Call, Json, Refused

SECONDS = 10.0  # that a call may take

Answering = Callable[[str, Json], Any]
"""Answers one call by its name and arguments, with what JSON can have; may refuse."""


class Apart:
    """
    Asks in a process of its own, which a cancel or its deadline kills.
    """

    def __init__(self, source: socket.socket, seconds: float) -> None:
        self._source = source
        self._seconds = seconds

    @classmethod
    def start(cls, answering: Answering, seconds: float = SECONDS) -> Apart:
        """
        Fork the source.  There must not be any other thread yet.

        Args:
            answering: Answers, in a process of its own for each call.
            seconds: How long it may take.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.fork():
            ours.close()
            _supply(its, answering, seconds)
        its.close()
        return cls(ours, seconds)

    def __call__(self, name: str, arguments: Json, call: Call) -> Any:
        """
        Ask; any thread may.

        Raises:
            Refused: It was, or it took too long.
            Cancelled: The call was.
        """
        began = time.monotonic()
        ours, its = socket.socketpair()
        with ours:
            with its:
                socket.send_fds(self._source, [b"?"], [its.fileno()])
            call.stop_with(lambda: _hang_up(ours))
            try:
                said = _talk(ours, json.dumps([name, arguments]).encode())
            finally:
                call.stop_with(None)
        call.check()
        if said.endswith(b"\n"):
            return _result(json.loads(said))
        if time.monotonic() - began >= self._seconds:
            raise Refused(f"That took longer than {self._seconds:g} seconds; ask for less.")
        raise RuntimeError("a process that asks a database ended by itself")

    def close(self) -> None:
        """
        End the source; what runs goes on to its end.
        """
        self._source.close()


def _talk(ours: socket.socket, order: bytes) -> bytes:
    # Whatever goes wrong, what counts is how much of the answer came.
    with suppress(OSError):
        ours.sendall(order)
        ours.shutdown(socket.SHUT_WR)
    said = bytearray()
    with suppress(OSError):
        while chunk := ours.recv(64 << 10):
            said += chunk
    return bytes(said)


def _result(said: Json) -> Any:
    match said:
        case {"refused": sentence}:
            raise Refused(sentence)
        case {"failed": report}:
            raise RuntimeError(report)
    return said["result"]


def _hang_up(ours: socket.socket) -> None:
    with suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)


def _supply(source: socket.socket, answering: Answering, seconds: float) -> NoReturn:  # pragma: no cover
    """
    Be the source, until nobody can ask any more.
    """
    # The client's pipes are none of its business, and must not stay open by it.
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(nothing, fd)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # leaves no zombies
    while True:
        # One for each of the threads that ask, so their number is bounded.
        word, fds, _, _ = socket.recv_fds(source, 1, 1)
        if not word:
            os._exit(0)
        if not os.fork():
            source.close()
            _answer(socket.socket(fileno=fds[0]), answering, seconds)
        for fd in fds:
            os.close(fd)


def _answer(asked: socket.socket, answering: Answering, seconds: float) -> NoReturn:  # pragma: no cover
    """
    Be the process that asks, once.
    """
    # All of these end it at once: too late, hung up, nobody there to read.
    for number in (signal.SIGALRM, signal.SIGIO, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with asked.makefile("rb") as order:
        text = order.read()
    fcntl.fcntl(asked, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(asked, fcntl.F_SETFL, fcntl.fcntl(asked, fcntl.F_GETFL) | os.O_ASYNC)
    looking = select.poll()
    looking.register(asked, 0)
    if looking.poll(0):
        os._exit(0)  # It was hung up before it could be told by a signal.
    said = json.dumps(_said(answering, text)).encode() + b"\n"
    # Room to write is told by the same signal.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    asked.sendall(said)
    os._exit(0)


def _said(answering: Answering, order: bytes) -> Json:  # pragma: no cover
    try:
        name, arguments = json.loads(order)
        return {"result": answering(name, arguments)}
    except Refused as refused:
        return {"refused": str(refused)}
    except Exception:
        return {"failed": traceback.format_exc()}
