# -*- test-case-name: tests.ctl.test_connection -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A connection to the admin socket, which waits for each answer.
"""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from attrs import define, field

from mcpd.ctl.complaint import Complaint
from mcpd.trouble import Reason, Trouble

PATIENCE = 30.0
"""Seconds that the daemon may take to answer who only looks."""

LONGEST = 64 << 20
"""Bytes of one answer."""


class Connection(Protocol):
    """
    What commands need of a connection; :class:`SocketConnection` is the real one.
    """

    def ask(self, verb: str, params: dict[str, Any], patience: float | None) -> Any:
        """
        Have something done.

        Args:
            verb: What (:mod:`mcpd.admin.verbs`).
            params: Of what.
            patience: Seconds until it is given up; None: as long as it takes.

        Returns:
            What came of it.

        Raises:
            Complaint: Nothing.
        """

    def lines(self) -> Iterator[dict[str, Any]]:
        """
        Wait for lines of the log, until the daemon hangs up.
        """


Connect = Callable[[str], Connection]
"""Connects to a path; raises OSError."""


@define(eq=False)
class SocketConnection:
    """
    A connection to a UNIX socket.
    """

    _socket: socket.socket
    _file: Any = field(init=False)
    _asked: int = field(init=False, default=0)
    _early: list[dict[str, Any]] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._file = self._socket.makefile("rb")

    @classmethod
    def open(cls, path: str) -> SocketConnection:
        """
        Connect.

        Raises:
            OSError: Nobody answers there, or not us.
        """
        there = socket.socket(socket.AF_UNIX)
        try:
            there.settimeout(PATIENCE)
            there.connect(path)
        except BaseException:
            there.close()
            raise
        return cls(there)

    def ask(self, verb: str, params: dict[str, Any], patience: float | None) -> Any:
        """
        Have something done.
        """
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": verb, "params": params}
        self._socket.settimeout(patience)
        # One that is refused at the door has its answer already.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        while (answer := self._read()) is not None:
            if "error" in answer:
                raise Complaint.told(answer["error"])
            if "result" in answer:
                return answer["result"]
            self._early.append(answer["params"])
        raise _silent("the daemon hung up without an answer")

    def lines(self) -> Iterator[dict[str, Any]]:
        """
        Wait for lines of the log.
        """
        self._socket.settimeout(None)
        yield from self._early
        while (notice := self._read()) is not None:
            yield notice["params"]

    def close(self) -> None:
        """
        Hang up.
        """
        self._file.close()
        self._socket.close()

    def _read(self) -> dict[str, Any] | None:
        try:
            line = self._file.readline(LONGEST)
        except TimeoutError:
            raise _silent("the daemon did not answer in time") from None
        except ConnectionResetError:
            return None
        if not line.endswith(b"\n"):
            return None
        try:
            message = json.loads(line, parse_int=_whole, parse_float=_real)
        except ValueError:
            message = None
        if not isinstance(message, dict) or message.keys().isdisjoint(("error", "result", "params")):
            raise _silent("who answers there is no mcpd")
        return message


def _whole(digits: str) -> int | str:
    # What Python does not read (it bounds the digits) is shown as it is written.
    try:
        return int(digits)
    except ValueError:
        return digits


def _real(digits: str) -> float | str:
    # JSON has no infinity, so none can be shown.
    number = float(digits)
    return number if math.isfinite(number) else digits


def _silent(text: str) -> Complaint:
    return Complaint.of(Reason(Trouble.SOCKET, text))
