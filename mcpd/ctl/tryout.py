# -*- test-case-name: tests.ctl.test_tryout -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A program, tried as a plugin: ``plugin check``.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from attrs import asdict
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mcpd.admin.peer import user_name
from mcpd.admin.verbs import about
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame, output, pass_frame
from mcpd.ctl.shown import grid
from mcpd.ctl.trial import Report, Trial
from mcpd.daemon.world import World
from mcpd.sandbox.mark import state_id
from mcpd.sandbox.plan import ProgramMissing, find_program
from mcpd.trouble import Reason, Trouble
from mcpd.units import Seconds
from mcpd.workers.spec import Plugin, Timeouts

_NAME = "check"


@click.command("check", context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--wait", default=60.0, type=click.FloatRange(1, 3600), help="Seconds until it must be ready.")
@output
@pass_frame
@click.pass_context
def check_plugin(context: click.Context, frame: Frame, command: tuple[str, ...], wait: float) -> None:
    """
    Try a COMMAND as a plugin; no daemon is needed.

    It is started, asked what it has, and ended by the end of its input.
    """
    path = tuple(folder for folder in frame.environ.get("PATH", "").split(":") if os.path.isabs(folder))
    start = Timeouts(start=Seconds(wait), first_start=Seconds(wait))
    spec = Plugin(_NAME, found(command, path), cwd=os.getcwd(), path=path, timeouts=start)
    with TemporaryDirectory(prefix="mcpctl-") as home:
        report = run(frame, spec, Path(home))
    frame.show({"program": spec.command[0], **readable(report)}, grid(rows(spec.command[0], report)))
    if not report.passed:
        context.exit(1)


def found(command: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
    """
    Give a command whose program has its whole path.

    Raises:
        Complaint: PROGRAM, there is none.
    """
    program, *arguments = command
    try:
        return (os.path.abspath(find_program(program, path)), *arguments)
    except ProgramMissing as missing:
        raise Complaint.of(Reason(Trouble.PROGRAM, str(missing))) from None


def run(frame: Frame, spec: Plugin, home: Path) -> Report:
    """
    Run a trial with a reactor, to its end.

    Raises:
        KeyboardInterrupt: Ctrl-C came first; the plugin is gone all the same.
    """
    # Not at import: it takes a while, and no other verb needs it.
    from twisted.internet import reactor  # noqa: PLC0415  a program of its own, which has no daemon

    own: Any = reactor
    world = World(
        own,
        os.urandom,
        random.random,
        own.seconds,
        frame.environ,
        frame.uid,
        user_name(frame.uid),
        sys.executable,
    )
    nursery = world.nursery(state_id(home))
    trial = Trial(spec, own, world.spawner(spec, home, nursery))
    outcomes: list[Report | Failure] = []

    async def begin() -> Report:
        nursery.begin()
        report = await trial.run()
        await nursery.stop()
        return report

    def start() -> None:
        running = Deferred.fromCoroutine(begin())
        running.addBoth(outcomes.append)
        running.addBoth(lambda _: None if trial.abandoned else own.stop())
        own.addSystemEventTrigger("before", "shutdown", lambda: give_up(trial, running))

    own.callWhenRunning(start)
    own.run()
    return outcome_of(trial, outcomes)


def give_up(trial: Trial, running: Deferred[Any]) -> Deferred[Any]:
    """
    Stop a trial that still runs, at the reactor's end; fires when its plugin is gone.
    """
    if not running.called:
        trial.abandon()
    return running


def outcome_of(trial: Trial, outcomes: list[Report | Failure]) -> Report:
    """
    Tell what came of a trial.

    Raises:
        KeyboardInterrupt: It was abandoned.
        Exception: What nobody expected.
    """
    if trial.abandoned:
        raise KeyboardInterrupt
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome


def readable(report: Report) -> dict[str, Any]:
    """
    Make of a report what JSON can say.
    """
    told = {**asdict(report), "shareable": report.shareable, "passed": report.passed}
    return {**told, "reason": about(report.reason) if report.reason else None}


def rows(program: str, report: Report) -> list[tuple[str, object]]:
    """
    Make of a report what people read: a head and a sentence, line by line.
    """
    return [
        ("program", program),
        *_beginning(report),
        ("noise", _counted(report.noise, "on standard output that are no messages", report.first_noise)),
        ("stderr", _counted(report.stderr, "on standard error", report.last_words)),
        *(("not served", sentence) for sentence in report.left_out),
        *_ending(report),
        ("verdict", "good" if report.passed else "not good enough"),
    ]


def _beginning(report: Report) -> list[tuple[str, object]]:
    if report.ready is None:
        reason = report.reason
        return [("ready", f"never: {reason}" if reason else "never")]
    shared = "yes, by everybody" if report.shareable else "no: each principal has a worker of its own"
    has = f"{report.tools} tools, {report.prompts} prompts, {report.resources} resources"
    return [
        ("ready", f"after {report.ready:.2f} s"),
        ("speaks", f"{report.era} {report.revision}"),
        ("has", has),
        ("shared", shared),
    ]


def _counted(count: int, what: str, line: str) -> str:
    return f"{count} lines {what}" + (f', as "{line}"' if line else "")


def _ending(report: Report) -> list[tuple[str, object]]:
    if report.ready is None:
        return []
    seconds = f"{report.ending:.2f} s"
    if report.rung == "end of input":
        return [("end", f"at the end of its input, after {seconds}")]
    if report.rung:
        return [("end", f"only at {report.rung}, {seconds} after the end of its input")]
    return [("end", f"by itself: {report.reason}")]
