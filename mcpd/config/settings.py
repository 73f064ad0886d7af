# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of the daemon itself, and all that was said.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Seconds
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings
from mcpd.workers.spec import Plugin

LISTEN = Listen(endpoint="tcp:8420:interface=127.0.0.1")
"""Who says nothing of listeners has this one."""


@frozen
class Log:
    """
    How the daemon's log is written.

    Attributes:
        format: One JSON object or one text a line; ``auto`` is text on a
            terminal and JSON elsewhere.
        level: The least that is told.
        file: Where it goes; ``-`` is standard output.
    """

    format: Literal["auto", "json", "text"] = "auto"
    level: Literal["debug", "info", "warn", "error", "critical"] = "info"
    file: str = "-"


@frozen
class DaemonSettings:
    """
    The ``[daemon]`` table.

    Attributes:
        state_dir: The folder of everything that survives a restart.
        runtime_dir: The folder of the admin socket; empty: the first of those
            that :func:`mcpd.config.runtime.folders` tells.
        plugin_dir: The folder of ``NAME.toml`` files, one a plugin; empty: none.
        public_url: The canonical address, without a slash at its end; empty: not said.
        log: How the log is written.
        drain: How long running exchanges may take at a shutdown.
        starts: Workers that may be spawned at once.
    """

    state_dir: str = "/var/lib/mcpd"
    runtime_dir: str = ""
    plugin_dir: str = "/etc/mcpd/plugins.d"
    public_url: str = ""
    log: Log = Log()
    drain: Seconds = Seconds(30)
    starts: int = 4


@frozen
class Settings:
    """
    A whole configuration that was read, checked and found good.

    Attributes:
        daemon: The daemon itself.
        listen: Its listeners, one or more.
        limits: What clients may use.
        rate: How often.
        sessions: Legacy clients' sessions.
        websocket: How WebSockets are kept.
        catalog: How what plugins have is shown.
        plugins: In the order of the main file, then the plugin folder's by name.
    """

    daemon: DaemonSettings = DaemonSettings()
    listen: tuple[Listen, ...] = (LISTEN,)
    limits: Limits = Limits()
    rate: Rates = Rates()
    sessions: SessionLimits = SessionLimits()
    websocket: SocketSettings = SocketSettings()
    catalog: CatalogLimits = CatalogLimits()
    plugins: tuple[Plugin, ...] = ()
