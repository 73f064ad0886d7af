# -*- test-case-name: tests.ctl.test_connect -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The daemon, or any server, on standard input and output: ``connect``.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import click
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent

from mcpd.ctl.bridge.agent import NoAuthority, agent
from mcpd.ctl.bridge.bridge import Bridge
from mcpd.ctl.bridge.far import Target
from mcpd.ctl.bridge.place import given, in_clear, target
from mcpd.ctl.frame import Frame, pass_frame
from mcpd.ctl.shown import clean

# Bounded: a line of this length is written to a pipe at once, or not at all (pipe(7)).
_LINE = 1000


@click.command()
@click.option("--url", help="The server's MCP endpoint.  [default: $MCPD_URL, else the daemon's here]")
@click.option("--socket", type=click.Path(), help="A UNIX socket to reach it by.")
@click.option("--key-file", type=click.Path(), help="A file with an API key, which nobody else may read.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=REFERENCE",
    help="A header field; REFERENCE is file:/path, env:NAME, cred:NAME, or text:VALUE for what is no secret.",
)
@click.option("--ca", type=click.Path(), help="Certificates (PEM) to trust, and no others.")
@pass_frame
@click.pass_context
def connect(
    context: click.Context,
    frame: Frame,
    *,
    url: str | None,
    socket: str | None,
    key_file: str | None,
    headers: tuple[str, ...],
    ca: str | None,
) -> None:
    """
    Be an MCP server on standard input and output, for a server elsewhere.

    All that the client says goes to the daemon, or to any Streamable HTTP
    server of either era; so a remote server can be a plugin, too.  It ends
    with its client.
    """
    far = target(frame, url, socket, given(frame, key_file, headers))
    if in_clear(far):
        click.echo("The credentials are sent without TLS.", err=True)
    authority = Path(ca).read_bytes() if ca else None
    # Not at import: no other verb needs it.
    from twisted.internet import reactor  # noqa: PLC0415  a program of its own, which has no daemon

    try:
        asking = agent(reactor, socket, authority)
    except NoAuthority:
        raise click.UsageError("--ca holds no certificate") from None
    context.exit(run(reactor, asking, far))


def tell(text: str, file: TextIO | None = None) -> None:
    """
    Write a line for people to standard error, or to another file; it is lost if nobody reads there.
    """
    line = " ".join(clean(f"mcpctl connect: {text}").split())[:_LINE]
    # Nobody may have left us one, or read it: the bridge does not wait for that.
    with suppress(OSError, ValueError, AttributeError):
        descriptor = (file or sys.stderr).fileno()
        if select.select((), (descriptor,), (), 0)[1]:
            os.write(descriptor, f"{line}\n".encode("utf-8", "replace"))


def run(reactor: Any, asking: IAgent, far: Target, pipes: Callable[..., object] = StandardIO) -> int:
    """
    Run a bridge with a reactor, to its end.

    Args:
        reactor: It, which stops then.
        asking: What asks the far side.
        far: Where that is.
        pipes: Connects the bridge to its client.

    Returns:
        The exit status.
    """
    bridge = Bridge(reactor, asking, far, tell)
    statuses: list[int | Failure] = []
    running = Deferred.fromCoroutine(bridge.run()).addBoth(statuses.append)
    running.addCallback(lambda _: end(reactor))
    reactor.callWhenRunning(pipes, bridge.near, reactor=reactor)
    # A signal ends it as the client does.
    reactor.addSystemEventTrigger("before", "shutdown", bridge.stop)
    reactor.addSystemEventTrigger("before", "shutdown", lambda: running)
    reactor.run()
    return outcome_of(statuses)


def end(reactor: Any) -> None:
    """
    Stop a reactor, unless a signal did.
    """
    with suppress(ReactorNotRunning):
        reactor.stop()


def outcome_of(statuses: list[int | Failure]) -> int:
    """
    Tell what came of a bridge.

    Raises:
        Exception: What nobody expected.
    """
    (status,) = statuses
    if isinstance(status, Failure):
        status.raiseException()
    return status
