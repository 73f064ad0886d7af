# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of mcpctl share: a run of it, with a daemon that is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from attrs import define, field
from click.testing import CliRunner, Result
from twisted.internet.defer import Deferred

from mcpd.admin.verbs import Visit, about
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame
from mcpd.ctl.main import mcpctl
from mcpd.journal import Line
from mcpd.trouble import Troubled
from tests.admin.stage import NOW, FakeDaemon


@define(eq=False)
class FakeConnection:
    """
    A connection to a daemon in memory (:class:`mcpd.ctl.connection.Connection`).

    Attributes:
        later: Lines that come to who follows; None: Ctrl-C is pressed.
        interrupted: Whether Ctrl-C is pressed before there is an answer.
        failure: What happens instead of an answer; None: nothing does.
    """

    daemon: FakeDaemon
    later: list[Line] | None = field(factory=list)
    interrupted: bool = False
    failure: Exception | None = None

    def ask(self, verb: str, params: dict[str, Any], patience: float | None) -> Any:
        """
        Have the real verbs do it.
        """
        if self.interrupted:
            raise KeyboardInterrupt
        if self.failure is not None:
            raise self.failure
        visit = Visit("uid:root", lambda line: None)
        asked = self.daemon.verbs().ask(visit, verb, json.dumps(params).encode())
        told: list[Any] = []
        Deferred.fromCoroutine(asked).addBoth(told.append)
        failure = getattr(told[0], "value", None)
        if isinstance(failure, Troubled):
            data = about(failure.reason)
            raise Complaint.told({"message": data["text"], "data": data})
        if isinstance(failure, BaseException):
            raise failure
        return json.loads(msgspec.json.encode(told[0]))

    def lines(self) -> Iterator[dict[str, Any]]:
        """
        Tell the later lines.
        """
        if self.later is None:
            raise KeyboardInterrupt
        for line in self.later:
            yield json.loads(msgspec.json.encode(line))


@define(eq=False)
class Operator:
    """
    Who runs the command.

    Attributes:
        daemon: The daemon.
        connection: The connection to it.
        paths: Where it was sought.
        missing: Why it is not there; None: it is.
        system: The main configuration file.
    """

    daemon: FakeDaemon = field(factory=FakeDaemon)
    connection: FakeConnection = field(init=False)
    paths: list[str] = field(factory=list)
    missing: OSError | None = None
    system: str = "/nowhere"
    environ: dict[str, str] = field(factory=lambda: {"HOME": "/home/a", "PATH": "/usr/bin:/bin"})

    def __attrs_post_init__(self) -> None:
        self.connection = FakeConnection(self.daemon)

    def run(self, *words: str) -> Result:
        """
        Run the command.
        """
        frame = Frame(self.environ, 7, self.system, self._connect)
        return CliRunner().invoke(mcpctl, words, obj=frame)

    def json(self, *words: str) -> Any:
        """
        Run it for a program.
        """
        return json.loads(self.run(*words, "-o", "json").stdout)

    def _connect(self, path: str) -> FakeConnection:
        self.paths.append(path)
        if self.missing is not None:
            raise self.missing
        return self.connection


LINE = Line(NOW, "warn", "files", "files: \x1b[31mred")
