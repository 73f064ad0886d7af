# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a call costs the whole daemon: ``python -m tests.bench.whole [SECONDS]``.

Starts the daemon on a free loopback port with a small plugin, lets clients of
the legacy era call it, each with one call in flight, and prints the daemon's
own CPU time for a call, the calls a second, and the time to an answer.  Each
answer is checked.  Compare two versions on the same machine at the same time,
and not two numbers from different days.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

_ECHO = Path(__file__).parent / "echo.py"
_TICKS = os.sysconf("SC_CLK_TCK")
_LITTLE = '"%s"' % ("x" * 200)
_MUCH = '"%s"' % ("x" * (1 << 20))
# Name, connections, tool, its text.
CASES = (
    ("c1", 1, "echo", _LITTLE),
    ("c16", 16, "echo", _LITTLE),
    ("c64", 64, "echo", _LITTLE),
    ("blob16", 16, "blob", '""'),
    ("sink1", 1, "sink", _MUCH),
)


@define
class Client:
    """
    One connection with one session.
    """

    port: int
    key: str
    socket: socket.socket = field(init=False)
    session: str = field(init=False, default="")
    _got: bytes = field(init=False, default=b"")
    _sent: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(
            '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
            '"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
        )
        while (answer := self.receive()) is None:
            pass
        fields = answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
        self.session = next(line for line in fields if line.startswith("Mcp-Session-Id")) + "\r\n"

    def send(self, body: str) -> None:
        """
        Post a message.
        """
        self.socket.sendall(
            (
                f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
                "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                f"{self.session}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )

    def call(self, tool: str, text: str) -> None:
        """
        Call a tool.
        """
        self._sent += 1
        params = f'{{"name":"{tool}","arguments":{{"text":{text}}}}}'
        self.send(f'{{"jsonrpc":"2.0","id":{self._sent},"method":"tools/call","params":{params}}}')

    def receive(self) -> bytes | None:
        """
        Read some; give the answer once it is whole.
        """
        self._got += self.socket.recv(1 << 18)
        head, mark, body = self._got.partition(b"\r\n\r\n")
        if not mark:
            return None
        start = head.index(b"Content-Length: ") + 16
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        answer, self._got = self._got, b""
        return answer

    def is_right(self, answer: bytes) -> bool:
        """
        Say whether an answer is the one to the last call.
        """
        return b'"id":%d,"result":{"content":' % self._sent in answer[-(1 << 18) :]


@contextmanager
def daemon(folder: Path, more: str) -> Iterator[tuple[int, int, str]]:
    """
    Run a daemon; gives its process id, its port and its key.

    Args:
        folder: An empty folder.
        more: What else its configuration says: TOML, tables of their own.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "mcpd.toml"
    configuration.write_text(
        f'[daemon]\nstate_dir = "{folder}/state"\nplugin_dir = ""\nlog = {{ level = "warn" }}\n'
        f"{more}\n"
        f'[[listen]]\nendpoint = "tcp:{port}:interface=127.0.0.1"\n'
        f'[plugins.bench]\nprefix = ""\ncommand = ["{sys.executable}", "-I", "-S", "{_ECHO}"]\n'
    )
    twistd = Path(sys.executable).with_name("twistd")
    process = subprocess.Popen([str(twistd), "-n", "--pidfile=", "mcpd", "-c", str(configuration)])
    try:
        _wait(port)
        yield process.pid, port, (folder / "state" / "key").read_text().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b"200 OK" in probe.recv(1000):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the daemon did not get ready")


def cpu(pid: int) -> float:
    """
    Tell the seconds of CPU that a process used; children that still run do not count.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """
    Tell a process's resident memory in KiB.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def run(pid: int, clients: list[Client], tool: str, text: str, seconds: float) -> str:
    """
    Run one case.
    """
    selector = selectors.DefaultSelector()
    began: dict[int, float] = {}
    waits: list[float] = []
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    start, used = time.monotonic(), cpu(pid)
    for client in clients:
        began[id(client)] = time.monotonic()
        client.call(tool, text)
    while time.monotonic() - start < seconds:
        for key, _ in selector.select(1):
            client = key.data
            answer = client.receive()
            if answer is None:
                continue
            if not client.is_right(answer):
                raise SystemExit(f"wrong answer: {answer[:2000]!r}")
            waits.append(time.monotonic() - began[id(client)])
            began[id(client)] = time.monotonic()
            client.call(tool, text)
    used, lasted = cpu(pid) - used, time.monotonic() - start
    selector.close()
    return (
        f"{used / len(waits) * 1e6:8.1f} us CPU a call  {len(waits) / lasted:8.0f} calls/s  "
        f"p50 {statistics.median(waits) * 1e3:.2f} ms"
    )


def main(arguments: list[str]) -> None:
    """
    Run every case.
    """
    seconds = float(arguments[0]) if arguments else 3.0
    limits = "[limits]\nrequests = 1000000000"
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder), limits) as (pid, port, key):
        for name, count, tool, text in CASES:
            clients = [Client(port, key) for _ in range(count)]
            print(f"{name:7}{run(pid, clients, tool, text, seconds)}", flush=True)
            for client in clients:
                client.socket.close()
        before = resident(pid)
        sessions = [Client(port, key) for _ in range(100)]
        print(f"100 sessions add {resident(pid) - before} KiB")
        for client in sessions:
            client.socket.close()


if __name__ == "__main__":
    main(sys.argv[1:])
