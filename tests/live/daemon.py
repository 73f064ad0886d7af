# -*- test-case-name: tests.live.test_conformance -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A real daemon, in a folder and on a port of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.ssl import Certificate
from twisted.internet.task import deferLater
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, ResponseFailed

from tests.live.process import ROOT, VENV, Ended, Run, start

_READY = 30.0
_STOPPED = 45.0
_PAUSE = 0.1

DEVELOPMENT = 8420
"""The port of a daemon without a configuration."""

Tables = Mapping[str, Mapping[str, object]]
"""Keys of tables, by the tables' names; a mapping among them is a table within."""


class Unfit(AssertionError):
    """
    The daemon did not do what every daemon has to: become ready, stop, leave nothing behind.
    """


def fixture(era: str) -> tuple[str, ...]:
    """
    Tell the command of a conformance fixture: ``modern`` or ``legacy``.
    """
    return "/usr/bin/env", "python3", "-I", str(ROOT / "tests" / "conformance" / f"{era}.py")


@define
class Daemon:
    """
    A daemon that is ready.

    Attributes:
        url: Where it serves MCP.
        port: The port of that.
        key: The file with its first key.
        pid: Its process id.
        folder: Where its configuration and its state are.
        runtime: Where its admin socket is.
    """

    url: str
    port: int
    key: Path
    pid: int
    folder: Path
    runtime: Path
    _reactor: Any
    _run: Run

    def signal(self, name: str) -> None:
        """
        Send it a signal, if it still runs.
        """
        self._run.signal(name)

    async def kill(self) -> None:
        """
        End it at once, if it still runs, and whatever is left of it.
        """
        self._run.signal("KILL")
        await self._run.ended
        for pid in _knowing(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def logged(self) -> list[dict[str, Any]]:
        """
        Tell what it logged so far.

        Raises:
            Unfit: It wrote something that is not its log.
        """
        whole = self._run.said().rpartition("\n")[0]
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError as why:
            raise Unfit(f"This is not a log:\n{whole}") from why

    async def stop(self, name: str = "TERM") -> Ended:
        """
        Ask it to end, and see that it does and leaves no process behind.

        Args:
            name: The signal that asks it.

        Raises:
            Unfit: It had to be killed, or failed, or something of it is left.
        """
        self._run.signal(name)
        watch = self._reactor.callLater(_STOPPED, self._run.signal, "KILL")
        ended = await self._run.ended
        if not watch.active():
            raise Unfit(f"SIG{name} did not end the daemon within {_STOPPED} s:\n{ended.said}")
        watch.cancel()
        left = left_behind(self.folder)
        # twistd, asked to end by a signal, shuts down and then ends by that signal: so its parent
        # knows why.
        clean = ended.code == 0 or ended.signal == signal.Signals[f"SIG{name}"]
        if left or not clean:
            await self.kill()
            how = f"exit code {ended.code}, signal {ended.signal}"
            raise Unfit(f"The daemon ended with {how} and left {left}:\n{ended.said}")
        shutil.rmtree(self.runtime, ignore_errors=True)
        return ended


async def begin(
    reactor: Any,
    folder: Path,
    auth: str,
    plugins: Tables,
    more: Tables | None = None,
    sign: str = "readyz",
    authority: Path | None = None,
    port: int = 0,
) -> Daemon:
    """
    Start a daemon and wait until it is ready.

    Args:
        reactor: The reactor.
        folder: An empty folder for its configuration and its state.
        auth: What its one listener's ``auth`` is.
        plugins: What it runs.
        more: What else its configuration says; of ``listen``: what else its listener does.
        sign: What is waited for; ``healthz``: that it is alive.
        authority: Whom to trust, where its listener has a certificate.
        port: Where it listens; 0: at any port that is free.

    Raises:
        Unfit: It ended, or was not ready in time; it is not left running.
    """
    port = port or free_port()
    config = folder / "mcpd.toml"
    config.write_text(configuration(folder, port, auth, plugins, more or {}))
    run = start(reactor, command("-c", str(config)))
    key = folder / "state" / "key"
    return await _watch(reactor, run, port, key, folder, runtime_folder(port), sign, authority)


async def develop(reactor: Any, home: Path) -> Daemon:
    """
    Start a daemon without a configuration and wait until it is ready.

    Args:
        reactor: The reactor.
        home: An empty folder for its user's home.

    Raises:
        Unfit: It ended, or was not ready in time; it is not left running.
    """
    run = start(reactor, command(), development(home))
    key = home / "state" / "mcpd" / "key"
    return await _watch(reactor, run, DEVELOPMENT, key, home, runtime_folder(DEVELOPMENT), "readyz")


def development(home: Path) -> Mapping[str, str]:
    """
    Tell the environment of a daemon without a configuration and of its client.
    """
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "RUNTIME_DIRECTORY": str(runtime_folder(DEVELOPMENT)),
        "MCPD_CONFIG": "",
    }


def runtime_folder(port: int) -> Path:
    """
    Tell where a daemon's admin socket is: its path must be short (unix(7)), and a test's folder is not.
    """
    return Path(tempfile.gettempdir()) / f"mcpd-{port}"


async def _watch(
    reactor: Any,
    run: Run,
    port: int,
    key: Path,
    folder: Path,
    runtime: Path,
    sign: str,
    authority: Path | None = None,
) -> Daemon:
    pid: int = run.transport.pid  # type: ignore[union-attr]  # set once spawned
    base = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
    try:
        await _ready(reactor, run, f"{base}/{sign}".encode(), authority)
    except Unfit:
        run.signal("KILL")
        raise
    return Daemon(f"{base}/mcp", port, key, pid, folder, runtime, reactor, run)


def command(*options: str) -> Sequence[str]:
    """
    Tell how a daemon is started.
    """
    return str(VENV / "bin" / "twistd"), "-n", "--pidfile=", "mcpd", *options


async def _ready(reactor: Any, run: Run, url: bytes, authority: Path | None) -> None:
    trusted = None if authority is None else Certificate.loadPEM(authority.read_bytes())
    agent = Agent(reactor, BrowserLikePolicyForHTTPS(trusted), connectTimeout=1.0)
    until = reactor.seconds() + _READY
    while reactor.seconds() < until and not run.ended.called:
        try:
            response = await agent.request(b"GET", url)
        except (ConnectError, ResponseFailed):
            pass
        else:
            if response.code == 200:
                return
        await _pause(reactor)
    raise Unfit(f"The daemon is not ready:\n{run.said()}")


def _pause(reactor: Any) -> Deferred[None]:
    return deferLater(reactor, _PAUSE, lambda: None)


def free_port() -> int:
    """
    Find a port that is free at the moment.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def configuration(folder: Path, port: int, auth: str, plugins: Tables, more: Tables) -> str:
    """
    Write a daemon's configuration.
    """
    own = {
        "state_dir": str(folder / "state"),
        "runtime_dir": str(runtime_folder(port)),
        "plugin_dir": "",
        **more.get("daemon", {}),
    }
    listen = {"endpoint": f"tcp:{port}:interface=127.0.0.1", "auth": auth, **more.get("listen", {})}
    tables: list[tuple[str, Mapping[str, object]]] = [
        ("daemon", own),
        ("[listen]", listen),
        *((name, keys) for name, keys in more.items() if name not in ("daemon", "listen")),
        *((f"plugins.{name}", keys) for name, keys in plugins.items()),
    ]
    return "\n".join(_table(head, keys) for head, keys in tables)


def _table(head: str, keys: Mapping[str, object]) -> str:
    lines, within = [f"[{head}]\n"], []
    for name, value in keys.items():
        if isinstance(value, Mapping):
            within.append(_table(f"{head.strip('[]')}.{name}", value))
        else:
            # Strings, numbers and lists of strings: JSON writes them as TOML reads them.
            lines.append(f"{name} = {json.dumps(value)}\n")
    return "".join([*lines, *within])


def left_behind(folder: Path) -> Sequence[str]:
    """
    Tell which processes know of a folder, by their arguments or their environment.

    A worker's home is in the daemon's state, so that all that a daemon ever
    started is found, whoever its parent is by now.
    """
    return [f"{pid}: {told[:200]!r}" for pid, told in _knowing(folder).items()]


def _knowing(folder: Path) -> Mapping[int, bytes]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue  # It ended meanwhile, or is another user's.
        if str(folder).encode() in told:
            found[int(process.name)] = told
    return found
