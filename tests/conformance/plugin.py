# -*- test-case-name: tests.conformance.test_plugin -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the fixture plugins of both eras have in common: lines in, one answer for each request.

``MCPD_FIXTURE`` in the environment says how a fixture misbehaves, in words
parted by commas:

=====================  ==========================================================
``hostile``            offers the tools of :mod:`tests.conformance.misbehave`
``pages``              lists its tools on several pages
``pages-forever``      gives the same cursor for ever
``crash``              exits with code 1 before it reads anything
``discover-exit``      exits when asked ``server/discover``
``discover-hang``      never answers ``server/discover``
``unknown-version``    answers ``initialize`` with a version that does not exist
``ignore-term``        ignores SIGTERM
``ignore-eof``         stays for ten minutes after its end of input
=====================  ==========================================================
"""

from __future__ import annotations

import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.conformance.call import Call, Dropped, Pause, Refused
from tests.conformance.machine import Machine, Message, Outlet, real
from tests.conformance.offer import Offer

_SLOW = frozenset({"tools/call", "prompts/get"})
_LINGER = 600.0

SERVER = {"name": "mcpd-conformance-fixture", "version": "1.0.0"}
"""Who a fixture says that it is."""


class Plugin(ABC):
    """
    One fixture; an era says what it answers.

    Attributes:
        machine: Where it runs.
        outlet: Where it writes.
        offer: What it offers.
        moods: How it misbehaves.
    """

    def __init__(self, outlet: Outlet, machine: Machine, moods: frozenset[str] = frozenset()) -> None:
        self.machine = machine
        self.outlet = outlet
        self.moods = moods
        self.offer = Offer(moods)
        self._running: dict[object, threading.Event] = {}

    def hear(self, line: bytes) -> None:
        """
        Take one line from the client.
        """
        message: Message = json.loads(line)
        if "method" not in message:
            self.answered(message)
        elif "id" in message:
            self._take(message)
        else:
            self.notice(message["method"], message.get("params", {}))

    @abstractmethod
    def answer(self, request: Message, cancelled: threading.Event) -> Message | None:
        """
        Make the result for a request; None means that there is no answer now.

        Raises:
            Refused: The answer is an error.
        """

    @abstractmethod
    def answered(self, message: Message) -> None:
        """
        Take the client's answer to a question of ours.
        """

    def notice(self, method: str, params: Message) -> None:
        """
        Take a notice.
        """
        if method == "notifications/cancelled" and (event := self._running.get(params.get("requestId"))):
            event.set()

    @abstractmethod
    def ask(self, call: Call, questions: Mapping[str, Message], sealed: bool) -> Mapping[str, Message]:
        """
        Get the client's answers, by the questions' keys.
        """

    def change(self, kind: str, uri: str | None = None) -> None:
        """
        Change a list, or say that a resource changed, and tell who wants to know.
        """
        if kind != "resource":
            self.offer.toggle(kind)
        self.announce(kind, uri)

    @abstractmethod
    def announce(self, kind: str, uri: str | None) -> None:
        """
        Tell who wants to know of a change.
        """

    def reply(self, request_id: object, method: str, result: Message) -> None:
        """
        Send a result as this era writes it.
        """
        self.outlet.send({"id": request_id, "result": result})

    def call(self, request: Message, can: Message, level: str | None, cancelled: threading.Event) -> Call:
        """
        Make the call out of a ``tools/call`` or ``prompts/get``.

        Raises:
            Refused: Its arguments are no object, or it has no name.
        """
        params = request["params"]
        name, arguments = params.get("name"), params.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise Refused(-32602, "A call has a name, and its arguments are an object")
        return Call(self, request["id"], request["method"], name, arguments, params, can, level, cancelled)

    def _take(self, request: Message) -> None:
        cancelled = self._running[request["id"]] = threading.Event()
        if request["method"] in _SLOW:
            self.machine.begin(lambda: self._serve(request, cancelled))
        else:
            self._serve(request, cancelled)

    def _serve(self, request: Message, cancelled: threading.Event) -> None:
        if request["method"] == "server/discover" and "discover-exit" in self.moods:
            self.machine.leave(0)
        try:
            result = self.answer(request, cancelled)
        except Pause as why:
            result = why.result
        except Dropped:
            result = None
        except Refused as why:
            self.outlet.send({"id": request["id"], "error": why.error()})
            result = None
        finally:
            self._running.pop(request["id"], None)
        if result is not None and not cancelled.is_set():
            self.reply(request["id"], request["method"], result)


def live(plugin: Plugin, source: Iterable[bytes]) -> int:
    """
    Live as a fixture does, to the end of input, and tell the exit code.
    """
    machine = plugin.machine
    if "ignore-term" in plugin.moods:
        machine.deafen()
    if "crash" in plugin.moods:
        machine.complain(b"This fixture crashes at start.\n")
        return 1
    for line in source:
        plugin.hear(line)
    if "ignore-eof" in plugin.moods:
        machine.wait(threading.Event(), _LINGER)
    return 0


def main(kind: Callable[[Outlet, Machine, frozenset[str]], Plugin]) -> Any:
    """
    Run a fixture on this process's standard files; tells the exit code.
    """
    moods = frozenset(filter(None, os.environ.get("MCPD_FIXTURE", "").split(",")))
    # Unbuffered: a thread that is still writing must not hold a lock which the interpreter wants at its end.
    with open(1, "wb", buffering=0, closefd=False) as out:
        return live(kind(Outlet(out), real(), moods), sys.stdin.buffer)
