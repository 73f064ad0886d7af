# -*- test-case-name: tests.test_events -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What can be told: frozen values, and the one publisher.

The code that knows tells an event once; whoever wants to write or count it
observes.  Each event has the sentence that a log shows, with its fields' names.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import ClassVar

from attrs import define, field, frozen


class Level(Enum):
    """
    How much an operator should care.
    """

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@frozen
class Event:
    """
    Something that happened.

    Attributes:
        level: How much an operator should care.
        sentence: What a log says of it; names in braces are its fields.
    """

    level: ClassVar[Level] = Level.INFO
    sentence: ClassVar[str] = ""


@frozen
class DoorOpened(Event):
    """
    Clients can connect at an address.
    """

    sentence = "listening on {address}"
    address: str


@frozen
class CertificateEnds(Event):
    """
    What a listener shows to its clients is not valid for long any more.

    Attributes:
        address: Where clients connect.
        days: Whole days that are left; a negative number: it has ended.
    """

    level = Level.WARN
    sentence = "the certificate at {address} has {days} days left: once it has ended, clients refuse it"
    address: str
    days: int


@frozen
class RevocationsEnd(Event):
    """
    What a listener knows of revoked certificates is out of date soon, or is.

    Attributes:
        address: Where clients connect.
        hours: Whole hours that are left; a negative number: they have passed.
    """

    level = Level.WARN
    sentence = (
        "a revocation list at {address} has {hours} hours left: "
        "once it has ended, nobody comes in with a certificate until a reload finds a new one"
    )
    address: str
    hours: int


@frozen
class DaemonStopping(Event):
    """
    The daemon was asked to stop.
    """

    sentence = "stopping: {running} exchanges are given {drain} s to end"
    running: int
    drain: float


@frozen
class DaemonStopped(Event):
    """
    Every worker is gone.
    """

    sentence = "stopped"


@frozen
class LeftoversKilled(Event):
    """
    Processes were there that the workers of an earlier daemon had left behind.
    """

    level = Level.WARN
    sentence = "processes that an earlier daemon's workers had left behind were killed: {count}"
    count: int


@frozen
class StoreUnwritable(Event):
    """
    What should survive a restart could not be written; it is tried again.
    """

    level = Level.ERROR
    sentence = "{why}"
    why: str


@frozen
class ConfigurationReloaded(Event):
    """
    Another configuration is in force.

    Attributes:
        added: Names of plugins that are run now and were not before, or ``nothing``; so the others.
        removed: Of those that are not run any more.
        changed: Of those that are run otherwise.
    """

    sentence = "configuration reloaded: added {added}; removed {removed}; changed {changed}"
    added: str
    removed: str
    changed: str


@frozen
class ChangeWaits(Event):
    """
    A key has another value in the configuration, which only a new start can bring.
    """

    level = Level.WARN
    sentence = "{key} has changed: the new value acts at the next start"
    key: str


@frozen
class ConfigurationRefused(Event):
    """
    Another configuration was to be read, and is wrong; the former one stays.
    """

    level = Level.ERROR
    sentence = "the configuration is not reloaded: {problems}"
    problems: str


@frozen
class PluginLeftOut(Event):
    """
    A plugin can't run on this machine.
    """

    level = Level.WARN
    sentence = "{plugin}: left out: {why}"
    plugin: str
    why: str


@frozen
class WorkerStarted(Event):
    """
    A worker's process exists.
    """

    level = Level.DEBUG
    sentence = "{plugin}: worker {pid} started"
    plugin: str
    pid: int


@frozen
class WorkerReady(Event):
    """
    A worker has shaken hands and told what it has.

    Attributes:
        resources: How many resources and templates.
    """

    sentence = (
        "{plugin}: worker {pid} is ready after {seconds} s: it speaks {revision} and has "
        "{tools} tools, {prompts} prompts, {resources} resources"
    )
    plugin: str
    pid: int
    seconds: float
    revision: str
    tools: int
    prompts: int
    resources: int


@frozen
class OfferChanged(Event):
    """
    A plugin has other tools, prompts or resources than before.

    Attributes:
        lists: Which of its lists are others.
        tools: How many it has now; so the others.
        prompts: Its prompts.
        resources: Its resources, with templates.
    """

    sentence = (
        "{plugin}: its {lists} have changed: it has "
        "{tools} tools, {prompts} prompts, {resources} resources now"
    )
    plugin: str
    lists: str
    tools: int
    prompts: int
    resources: int


@frozen
class RefreshFailed(Event):
    """
    A list of a plugin has changed and could not be read; the old one stays.
    """

    level = Level.WARN
    sentence = "{plugin}: its {lists} have changed and could not be listed: {why}"
    plugin: str
    lists: str
    why: str


@frozen
class WorkerEnded(Event):
    """
    A worker's process is gone.

    Attributes:
        lost: How many calls it had.
        again: After how many seconds the next one may be started.
        cpu: Seconds of processor time that it used, it and those of its
            children that it waited for; None if nobody knows.
        memory: Bytes of memory that it had resident at the most; None likewise.
    """

    level = Level.WARN
    sentence = "{plugin}: worker {pid} ended: {why}; calls lost: {lost}; next start in {again} s"
    plugin: str
    pid: int
    why: str
    lost: int
    again: float
    cpu: float | None = None
    memory: int | None = None


@frozen
class PluginFailed(Event):
    """
    A plugin failed so often that it is given up for a while.

    Attributes:
        again: After how many seconds it is tried again.
    """

    level = Level.ERROR
    sentence = "{plugin}: given up: {why}; next try in {again} s"
    plugin: str
    why: str
    again: float


@frozen
class WorkerRetired(Event):
    """
    A worker gets no more calls, and is stopped once those that it has are over.
    """

    sentence = "{plugin}: worker {pid} retires: {why}"
    plugin: str
    pid: int
    why: str


@frozen
class WorkerNotStarted(Event):
    """
    A worker's process could not be made.

    Attributes:
        again: After how many seconds it is tried again.
    """

    level = Level.WARN
    sentence = "{plugin}: no worker was started: {why}; next try in {again} s"
    plugin: str
    why: str
    again: float


@frozen
class WorkerStopped(Event):
    """
    A worker's process is gone because it was asked to go.

    Attributes:
        cpu: What it used, as :class:`WorkerEnded` says.
        memory: Likewise.
    """

    sentence = "{plugin}: worker {pid} stopped: {why}"
    plugin: str
    pid: int
    why: str
    cpu: float | None = None
    memory: int | None = None


@frozen
class WorkerSaid(Event):
    """
    A worker wrote a line to its standard error, or logged one that is for no client.
    """

    sentence = "{plugin}: {line}"
    plugin: str
    pid: int
    line: str


@frozen
class WorkerSilenced(Event):
    """
    A worker wrote or logged more lines than are told.
    """

    level = Level.WARN
    sentence = "{plugin}: worker {pid} wrote {bytes} bytes too much for the log; they were dropped"
    plugin: str
    pid: int
    bytes: int


@frozen
class WorkerNoise(Event):
    """
    A worker wrote to its standard output what is not a message; told for the first such line.
    """

    level = Level.WARN
    sentence = "{plugin}: worker {pid} wrote to its standard output what is not MCP ({why}): {line}"
    plugin: str
    pid: int
    why: str
    line: str


@frozen
class DefinitionLeftOut(Event):
    """
    Something that a plugin offers is not served.
    """

    level = Level.WARN
    sentence = "{plugin}: not served: {why}"
    plugin: str
    why: str


@frozen
class NameTaken(Event):
    """
    Two plugins have a thing of the same public name; the one that is configured later goes without.
    """

    level = Level.WARN
    sentence = "{plugin}: {name} is not served: an earlier plugin has that name"
    plugin: str
    name: str


@frozen
class NamesTaken(Event):
    """
    So many more names are taken than are told one by one.
    """

    level = Level.WARN
    sentence = "{count} more names are not served: earlier plugins have them"
    count: int


@frozen
class Incident(Event):
    """
    Something that nobody expected happened in an exchange; the client was told its number.
    """

    level = Level.ERROR
    sentence = "incident {request}: {trace}"
    request: str
    trace: str


@frozen
class RequestRefused(Event):
    """
    A request was refused at a door, before it was taken.

    Attributes:
        request: Its id, which the client was told.
        peer: The client's address, or ``unix``.
        status: The HTTP status.
        why: What the client was told, too.
    """

    sentence = "request {request} from {peer} was refused with {status}: {why}"
    request: str
    peer: str
    status: int
    why: str


@frozen
class RefusalsUntold(Event):
    """
    So many more requests were refused in a moment than are told one by one.
    """

    sentence = "{count} more requests were refused within a second"
    count: int


@frozen
class AdminAsked(Event):
    """
    Somebody asked the daemon to change something, and it is over.

    Attributes:
        who: The principal.
        verb: What was asked for.
        argument: Of what; empty: of the daemon.
        outcome: ``done``, or why it was not.
    """

    sentence = "{who} asked for: {verb} {argument}; {outcome}"
    who: str
    verb: str
    argument: str
    outcome: str


Observer = Callable[[Event], None]


@define
class Publisher:
    """
    Passes each event to every observer, in the order in which they came.
    """

    _observers: list[Observer] = field(factory=list)

    def observe(self, observer: Observer) -> None:
        """
        Pass every later event to ``observer``, too.
        """
        self._observers.append(observer)

    def tell(self, event: Event) -> None:
        """
        Tell every observer.
        """
        for observer in self._observers:
            observer(event)
