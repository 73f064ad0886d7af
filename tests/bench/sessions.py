# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What abandoned sessions cost the whole daemon: ``python -m tests.bench.sessions [COUNT]``.

Starts the daemon on a free loopback port, opens sessions of the legacy era and
never comes back to them, and prints what memory and processes they take, and
when they are gone.  Ends with 1 if that is more than the bounds here, or if
anything is left.
"""

from __future__ import annotations

import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from attrs import frozen

from tests.bench.whole import Client, daemon
from tests.live import proc

_KIB, _MIB = 1 << 10, 1 << 20

COUNT = 10_000
PER_SESSION = 20 * _KIB
"""Bytes of memory that a session may take."""

AGAIN = 0.2, 4 * _MIB
"""
What as many sessions may take once the first are gone: a share of what those took, and bytes.

What was freed need not go back to the kernel, so that only others show that it was.
"""

IDLE = 20.0
"""Seconds after which a session is gone that is not used."""

LATE = IDLE + 2
"""Seconds after that in which the daemon has noticed: it looks that often, but at least once a minute."""

# Of so many sessions one had a stream that was cut, and one is asked for at the end.
_EACH = 10
# Sessions before the first look at the memory, so that what is made only once is there by then.
_FIRST = 200
_JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_HELLO = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
    '"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
)
_INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
_PING = '{"jsonrpc":"2.0","id":2,"method":"ping"}'


@frozen
class Look:
    """
    What a daemon takes at a moment.

    Attributes:
        resident: Bytes of its memory.
        children: How many processes it started and has.
        descriptors: How many descriptors it has open.
    """

    resident: int
    children: int
    descriptors: int

    @classmethod
    def at(cls, pid: int) -> Look:
        """
        Look at a process.
        """
        return cls(proc.resident(pid), len(proc.children(pid)), proc.descriptors(pid))

    def __str__(self) -> str:
        return (
            f"{self.resident / _MIB:7.1f} MiB  {self.children:3} processes  {self.descriptors:3} descriptors"
        )


@frozen
class Crowd:
    """
    Clients who come once.
    """

    _port: int
    _key: str
    # It connects anew by itself where the daemon has enough of a connection.
    _connection: HTTPConnection

    def open(self, count: int) -> list[str]:
        """
        Open sessions and leave them alone; tell their ids.
        """
        sessions = [self._open(listens=number % _EACH == 0) for number in range(count)]
        self._connection.close()
        return sessions

    def _open(self, listens: bool) -> str:
        status, session = self.post(_HELLO, {})
        if status != 200:
            raise SystemExit(f"no session: {status}")
        status, _ = self.post(_INITIALIZED, {"Mcp-Session-Id": session})
        if status != 202:
            raise SystemExit(f"not initialized: {status}")
        if listens:
            self._listen(session)
        return session

    def post(self, body: str, fields: dict[str, str]) -> tuple[int, str]:
        """
        Post a message; tell the status of the answer, and its session.
        """
        self._connection.request("POST", "/mcp", body, {**_JSON, **self._credentials, **fields})
        response = self._connection.getresponse()
        response.read()
        return response.status, response.headers.get("Mcp-Session-Id", "")

    def _listen(self, session: str) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        fields = {"Accept": "text/event-stream", "Mcp-Session-Id": session, **self._credentials}
        connection.request("GET", "/mcp", headers=fields)
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"no stream: {response.status}")
        response.close()
        connection.close()

    @property
    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}


def _works(port: int, key: str) -> bool:
    client = Client(port, key)
    client.call("echo", '"x"')
    while (answer := client.receive()) is None:
        pass
    client.socket.close()
    return client.is_right(answer)


def measure(pid: int, port: int, key: str, count: int) -> list[str]:
    """
    Open sessions, wait until they are gone, and open as many again; tell what is not as it should be.
    """
    crowd = Crowd(port, key, HTTPConnection("127.0.0.1", port, timeout=10))
    crowd.open(_FIRST)
    before, began = Look.at(pid), time.monotonic()
    sessions = crowd.open(count)
    top, opened = Look.at(pid), time.monotonic()
    took = top.resident - before.resident
    print(f"before {before}")
    print(f"top    {top}  {took / count / _KIB:.1f} KiB a session, opened in {opened - began:.1f} s")
    time.sleep(IDLE + LATE)
    after = Look.at(pid)
    print(f"after  {after}  {IDLE + LATE:.0f} s later", flush=True)
    found = {crowd.post(_PING, {"Mcp-Session-Id": session})[0] for session in sessions[::_EACH]}
    works = _works(port, key)
    crowd.open(count)
    again, most = Look.at(pid), top.resident + AGAIN[0] * took + AGAIN[1]
    print(f"again  {again}  with as many others")
    verdicts = {
        f"a session takes more than {PER_SESSION / _KIB:.0f} KiB": took > count * PER_SESSION,
        f"others take more than what is free again: than {most / _MIB:.1f} MiB": again.resident > most,
        "there are not always as many processes": len({look.children for look in (before, top, after)}) > 1,
        "descriptors are left": after.descriptors > before.descriptors,
        "sessions are left": found != {404},
        "no new session can be used": not works,
    }
    return [wrong for wrong, is_so in verdicts.items() if is_so]


def main(arguments: list[str]) -> None:
    """
    Measure, and end with what is wrong.
    """
    count = int(arguments[0]) if arguments else COUNT
    # Whoever is not gone is counted, and does not give way.
    room = _FIRST + 2 * count + 1
    more = f'[sessions]\ntotal = {room}\nper_principal = {room}\nidle = "{IDLE:.0f}s"'
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder), more) as (pid, port, key):
        wrong = measure(pid, port, key, count)
    raise SystemExit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
