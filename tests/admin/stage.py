# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of the admin socket share: a daemon that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mcpd.admin.overseen import Keys, Reloaded, Setting, Status
from mcpd.admin.verbs import Verbs
from mcpd.events import Event, Publisher
from mcpd.journal import Journal
from mcpd.policy.apikeys import ApiKey
from mcpd.store.keys import KeyRecord
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.workers.state import Layer, PluginState, WorkerState

NOW = 1_800_000_000.0
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}}'

WORKER = WorkerState(
    pid=41,
    phase="ready",
    key="uid:root",
    running=1,
    stuck=0,
    calls=12,
    age=3700.0,
    idle=1.0,
    memory=12 << 20,
    cpu=1.5,
    noise=0,
    strays=0,
)

GOOD = PluginState(
    name="files",
    phase="ready",
    reason=None,
    said="",
    retry=None,
    revision="2026-07-28",
    share="all",
    tools=2,
    prompts=0,
    resources=1,
    waiting=0,
    calls=12,
    outdated=0,
    restarts=1,
    workers=(WORKER, evolve(WORKER, pid=0, phase="starting", key="", memory=None, cpu=None)),
    limits=(Layer("memory", 268435456, "RLIMIT_DATA"), Layer("processes", 32, "")),
)

BAD = evolve(
    GOOD,
    name="git",
    phase="pausing",
    reason=Reason(Trouble.EXIT, "exit status 1"),
    said="fatal: not a git repository",
    retry=4.2,
    revision="",
    workers=(),
    limits=(),
)


@frozen
class FakeSetting:
    """
    A value of the configuration.
    """

    key: str
    value: str
    origin: str
    secret: bool = False


@define(eq=False)
class FakeKeys:
    """
    Keys in memory.
    """

    records: list[KeyRecord] = field(factory=list)
    refuses: bool = False

    def all(self) -> Sequence[KeyRecord]:
        """
        Tell them.
        """
        return self.records

    def create(self, name: str, now: float, entropy: Callable[[int], bytes]) -> Deferred[str]:
        """
        Make one, unless it refuses.
        """
        if self.refuses:
            return fail(Troubled(Reason(Trouble.STORE, "the disk is full")))
        self.records.append(KeyRecord(ApiKey("id", name, b"digest"), "all", int(now)))
        return succeed(f"mcpd_{entropy(2).hex()}")

    def revoke(self, name: str, now: float) -> Deferred[None]:
        """
        Revoke one.
        """
        self.records = [
            evolve(each, revoked=int(now)) if each.key.name == name else each for each in self.records
        ]
        return succeed(None)


@define(eq=False)
class FakeDaemon:
    """
    A daemon that is overseen (:class:`mcpd.admin.overseen.Overseen`).

    Attributes:
        plugins: How its plugins fare.
        fake_keys: Its keys.
        settings: Its configuration.
        outcome: What restarts and reloads come to.
        calls: What was called: path, message, caller.
        answers: What calls are answered with, the first first; none: they wait.
        cancelled: How many calls were cancelled.
        asked: What else it was asked for.
        clock: Its time.
        publisher: Who tells its events.
        events: What was told.
        journal: What was told, kept.
    """

    plugins: tuple[PluginState, ...] = (GOOD, BAD)
    fake_keys: FakeKeys = field(factory=FakeKeys)
    settings: tuple[FakeSetting, ...] = (
        FakeSetting("daemon.drain", '"30s"', "built in"),
        FakeSetting("plugins.git.env.TOKEN", '"s3cret"', "/etc/mcpd/mcpd.toml:12", True),
    )
    outcome: Deferred[None] | None = None
    calls: list[tuple[bytes, bytes, str]] = field(factory=list)
    answers: list[bytes] = field(factory=lambda: [ANSWER])
    cancelled: int = 0
    asked: list[str] = field(factory=list)
    clock: Clock = field(factory=Clock)
    publisher: Publisher = field(factory=Publisher)
    events: list[Event] = field(factory=list)
    journal: Journal = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.journal = Journal(lambda: NOW)
        self.publisher.observe(self.journal)
        self.publisher.observe(self.events.append)

    @property
    def keys(self) -> Keys:
        """
        Its keys.
        """
        return self.fake_keys

    def verbs(self) -> Verbs:
        """
        Make the verbs that are about it.
        """
        return Verbs(self, self.publisher, lambda: NOW, lambda size: b"\1" * size)

    def status(self) -> Status:
        """
        Tell how it fares.
        """
        address = ("http://127.0.0.1:8420",)
        return Status("0.1", 77, 7384.0, True, address, 3, 2, 1, self.plugins)

    def tools(self, plugin: str) -> Sequence[str]:
        """
        Only one plugin has tools.
        """
        return ("files__read", "files__list") if plugin == "files" else ()

    def restart(self, plugin: str) -> Deferred[None]:
        """
        Come to the outcome.
        """
        self.asked.append(f"restart {plugin}")
        return self.outcome or succeed(None)

    def configuration(self) -> Sequence[Setting]:
        """
        Tell the configuration.
        """
        return self.settings

    def call(self, path: bytes, message: bytes, caller: str) -> Deferred[bytes]:
        """
        Answer, or wait.
        """
        self.calls.append((path, message, caller))
        return succeed(self.answers.pop(0)) if self.answers else Deferred(self._cancel)

    def _cancel(self, answered: Deferred[bytes]) -> None:
        self.cancelled += 1

    def reload(self, *, dry: bool) -> Deferred[Reloaded]:
        """
        Come to the outcome.
        """
        self.asked.append(f"reload {dry}")
        done: Deferred[None] = self.outcome or succeed(None)
        return done.addCallback(lambda _: Reloaded(("new",), (), ("files",), ("listen",)))
