# -*- test-case-name: tests.test_tap -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
``twistd mcpd``: its options, and the service that they make.
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, ClassVar, TextIO

from twisted.application.service import IService, MultiService
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized

from mcpd import __version__
from mcpd.admin.peer import user_name
from mcpd.config.again import Loaded, Source
from mcpd.config.problem import ConfigurationError
from mcpd.daemon.service import Daemon
from mcpd.daemon.world import World
from mcpd.events import Publisher
from mcpd.log import log_events, observer
from mcpd.trouble import Reason, Trouble

_BAD_CONFIGURATION = 78
"""The exit status for a configuration that is refused (``EX_CONFIG`` of sysexits.h)."""

_INSTALLED = Path("/usr/share/mcpd/plugins")
_PIDFILE = "twistd.pid"


class Options(usage.Options):
    """
    The options of ``twistd mcpd``.
    """

    synopsis = "[options]"
    longdesc = (
        "The system daemon for the Model Context Protocol. Without -c it reads $MCPD_CONFIG, else "
        "/etc/mcpd/mcpd.toml; without any of them it serves the example plugins for development."
    )
    optParameters: ClassVar[list[list[Any]]] = [["config", "c", None, "The configuration file."]]
    optFlags: ClassVar[list[list[Any]]] = [
        ["check", None, "Print every error of the configuration and exit 78, or exit 0."]
    ]

    source: Source
    loaded: Loaded
    logs_elsewhere = False

    def opt_version(self) -> None:
        """
        Print the version and exit.
        """
        sys.stdout.write(f"mcpd {__version__}\n")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """
        Read the configuration; what is wrong with it is printed, and ends the process.
        """
        try:
            self._load()
        except ConfigurationError as error:
            reason = Reason(Trouble.CONFIG, f"the configuration is refused; {Trouble.CONFIG.hint}")
            sys.stderr.write(f"{error}\n{reason}\n")
            raise SystemExit(_BAD_CONFIGURATION) from error
        if self["check"]:
            sys.stdout.write("The configuration is good.\n")
            raise SystemExit(0)
        if self.parent is not None:
            self._set_up_twistd(self.parent)

    def _load(self) -> None:
        python, uid = Path(sys.executable), os.getuid()
        self.source = Source.find(self["config"], os.environ, Path.cwd(), _INSTALLED, python, uid, time.time)
        self.loaded = self.source.load()

    @property
    def is_development(self) -> bool:
        """
        Whether nobody configured anything.
        """
        return self.source.file is None

    def _set_up_twistd(self, twistd: usage.Options) -> None:
        # In the foreground nobody needs a file with our number, and the state
        # folder's lock sees to there being one daemon.
        if twistd.get("nodaemon") and twistd.get("pidfile") == _PIDFILE:
            twistd["pidfile"] = ""
        self.logs_elsewhere = bool(twistd.get("logger") or twistd.get("logfile") or twistd.get("syslog"))

    def observer(self) -> ILogObserver:
        """
        Make what writes the log, as configured.
        """
        log = self.loaded.settings.daemon.log
        file: TextIO = sys.stdout
        if log.file != "-":
            file = open(log.file, "a", encoding="utf-8")  # noqa: SIM115  open as long as the process
        # For development the log is read by whoever started the daemon.
        style = "text" if self.is_development and log.format == "auto" else log.format
        return observer(file, style, log.level)


# mallopt(3): the parameters' numbers, and values up to which glibc takes them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = (-1, 128 << 20), (-3, 32 << 20)


def keep_memory(libc: Any) -> bool:
    """
    Have the C library keep large blocks instead of giving each back at once.

    A call with 1 MiB of arguments spends more than half of its time on page
    faults otherwise.  What is kept is bounded by what ``limits.buffered`` and
    the workers' ``limits.message`` let in.

    Args:
        libc: The C library.

    Returns:
        Whether it can: glibc does, others have no such call.
    """
    mallopt = getattr(libc, "mallopt", None)
    return mallopt is not None and all(mallopt(*option) for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))


class Logged(MultiService):
    """
    Services whose application logs as configured, unless ``twistd`` was told otherwise.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def setServiceParent(self, parent: Any) -> None:
        """
        Hear which application these services are of, before it begins to log.
        """
        if isinstance(parent, Componentized) and not self._options.logs_elsewhere:
            parent.setComponent(ILogObserver, self._options.observer())
        super().setServiceParent(parent)


def makeService(options: Options) -> IService:
    """
    Make the daemon.  Nothing is opened before it is started, since twistd forks in between.
    """
    from twisted.internet import reactor  # noqa: PLC0415  the one place that fetches the reactor

    keep_memory(ctypes.CDLL(None))
    publisher = Publisher()
    publisher.observe(log_events(Logger(namespace="mcpd")))
    environ, uid = dict(os.environ), os.getuid()
    world = World(reactor, os.urandom, random.random, time.time, environ, uid, user_name(uid), sys.executable)
    daemon = Daemon(options.loaded, options.source.load, world, publisher)
    if options.is_development:
        daemon.when_open(_greet)
    logged = Logged(options)
    daemon.setServiceParent(logged)
    return logged


def _greet(daemon: Daemon) -> None:
    addresses = [f"{address}/mcp" for address in daemon.addresses]
    # Not into the log, where twistd leads what is written to sys.stdout.
    out = sys.__stdout__ or sys.stdout
    out.write(
        f"""
mcpd serves for development, to this machine only:

  address    {" and ".join(addresses)}
  authority  {daemon.local_authority}, which clients of https have to trust
  key        in {daemon.key_file}
  status     mcpctl status

For a client's mcpServers:

  {{"mcpd": {{"type": "http", "url": "{addresses[0]}",
            "headers": {{"Authorization": "Bearer PUT-THE-KEY-HERE"}}}}}}

"""
    )
    out.flush()
