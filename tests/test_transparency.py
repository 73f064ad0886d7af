# -*- test-case-name: tests.test_transparency -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients see through the daemon what they would see at the plugins.

Random plugins, clients and orders of events (:mod:`tests.drawn`) are played
through a whole daemon, and whatever a client sees is compared with what it
should (:mod:`tests.oracle`, which names each documented difference).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from hypothesis import HealthCheck, given, note
from hypothesis import settings as profile
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.spec import CatalogLimits
from mcpd.testing.asked import Asked
from mcpd.testing.client import Legacy, Modern
from mcpd.testing.daemon import MemoryDaemon, settings
from mcpd.testing.worker import Answers, FakeChannel, Stock, legacy, modern
from mcpd.wire.message import Request
from mcpd.wire.offer import Feature, Sort
from mcpd.workers.spec import Chosen, Plugin
from tests import oracle
from tests.drawn import (
    KEYS,
    LEVELS,
    STORIES,
    Answer,
    Ask,
    Change,
    Fake,
    Json,
    Step,
    Story,
    Tell,
    Visitor,
)
from tests.oracle import MODERN, SERVER, TOLD, Progress, Thing, World, expand, plugin_name

OURS = "io.modelcontextprotocol/"
PAGE = 2
"""Items of a page, so that there are several."""
LISTS = {
    "tools": Sort.TOOLS,
    "prompts": Sort.PROMPTS,
    "resources": Sort.RESOURCES,
    "templates": Sort.TEMPLATES,
}
NO_VALUES: Json = {"values": []}


def written(value: Any) -> str:
    """
    Write a value so that equal ones look the same, and 1, 1.0 and true do not.
    """
    return oracle.without_words(json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1))


@define(eq=False)
class Guest:
    """
    A client.

    Attributes:
        visitor: As it was drawn.
        alone: The plugin at whose own path it is; None: at everybody's.
        client: It.
        ear: Its stream of changes.
        heard: How many of its messages are known already.
    """

    visitor: Visitor
    alone: int | None
    client: Legacy | Modern
    ear: Asked
    heard: int


@frozen
class Aim:
    """
    What a client wants, and what should come of it.

    Attributes:
        public: What it says, without ``_meta``.
        own: What the plugin is given.
        plugins: Who is asked, one after the other; nobody, if it is not there.
        wrapped: Whether it is a tool that is wrapped for this client.
        instead: What comes if nobody is asked: an error's code, or a completion.
    """

    public: Json
    own: Json = field(factory=dict)
    plugins: tuple[int, ...] = ()
    wrapped: bool = False
    instead: int | Json | None = None


@define(eq=False)
class Call:
    """
    A call that a plugin has not answered.

    Attributes:
        ask: As it was drawn.
        guest: Who called.
        asked: What came back so far.
        aim: What is wanted.
        turn: How many plugins have said that they do not have it.
        request: What the plugin was given.
        has_token: Whether that asks for progress.
        progress: What of its progress is due.
    """

    ask: Ask
    guest: Guest
    asked: Asked
    aim: Aim
    turn: int = 0
    request: Request = field(init=False)
    has_token: bool = field(init=False)
    progress: Progress = field(init=False, factory=Progress)

    @property
    def plugin(self) -> int:
        """
        Who is asked now.
        """
        return self.aim.plugins[self.turn]


@define(eq=False)
class Play:
    """
    One story, on its stage.
    """

    test: SynchronousTestCase
    story: Story
    folder: Path
    world: World = field(init=False)
    stocks: list[Stock] = field(init=False)
    memory: MemoryDaemon = field(init=False)
    guests: list[Guest] = field(init=False)
    calls: list[Call] = field(init=False, factory=list)
    _ids: int = field(init=False, default=10)

    def begin(self) -> None:
        """
        Start the daemon, and have every client listen to what changes.
        """
        self.world = World(self.story.fakes)
        self.stocks = [_stock(fake) for fake in self.story.fakes]
        plugins = [_plugin(number, fake) for number, fake in enumerate(self.story.fakes)]
        answers: dict[str, Answers] = {}
        for plugin, fake, stock in zip(plugins, self.story.fakes, self.stocks, strict=True):
            answers[plugin.name] = (modern if fake.modern else legacy)(stock, lambda request: None)
        configured = evolve(settings(self.folder, *plugins), catalog=CatalogLimits(page=PAGE))
        self.memory = MemoryDaemon(configured, answers)
        self.memory.start()
        self.guests = [self._welcome(visitor) for visitor in self.story.visitors]

    def play(self) -> None:
        """
        Take every step, and look at everything after the last.
        """
        for step in self.story.steps:
            note(f"{step}")
            self._take(step)
            self._check_heard({})
        while self.calls:
            self._answer(self.calls[0])
        for guest in self.guests:
            for sort in KEYS:
                self._list(guest, sort)

    def end(self) -> None:
        """
        Stop the daemon.
        """
        stopped = self.memory.stop()
        self.memory.reactor.advance(60)
        self.test.successResultOf(stopped)

    def _welcome(self, visitor: Visitor) -> Guest:
        alone = None if visitor.alone is None else visitor.alone % len(self.stocks)
        path = b"/mcp" if alone is None else f"/mcp/{plugin_name(alone)}".encode()
        if visitor.revision == MODERN:
            new = self.memory.modern(path=path)
            ear = new.listen(dict.fromkeys((f"{told}ListChanged" for told in TOLD.values()), True))
            self.memory.reactor.advance(0)
            return Guest(visitor, alone, new, ear, len(ear.messages))
        old = self.memory.legacy(path=path)
        old.shake(visitor.revision)
        self.same(old.revision, visitor.revision)
        if visitor.level is not None:
            self.same(old.ask("logging/setLevel", {"level": visitor.level}).result, {})
        return Guest(visitor, alone, old, old.listen(), 0)

    def same(self, seen: Any, expected: Any) -> None:
        """
        Compare what a client or a plugin sees with what it should.
        """
        self.test.assertEqual(written(seen), written(expected))

    def _worker(self, plugin: int) -> FakeChannel:
        return self.memory.plugins[plugin_name(plugin)].workers[-1]

    def _ask(self, guest: Guest, method: str, params: Json) -> Asked:
        self._ids += 1
        asked = guest.client.ask(method, params, self._ids)
        self.memory.reactor.advance(0)
        return asked

    def _write(self, plugin: int, message: Json) -> None:
        # As compact as the oracle writes what stands in a text.
        line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False, separators=(",", ":"))
        self._worker(plugin).write(line.encode())
        self.memory.reactor.advance(0)

    def _take(self, step: Step) -> None:
        match step:
            case Ask():
                self._call(step, self.guests[step.client % len(self.guests)])
            case Answer() if self.calls:
                self._answer(self.calls[step.which % len(self.calls)])
            case Tell() if self.calls:
                self._tell(step, self.calls[step.which % len(self.calls)])
            case Change():
                self._change(step, step.plugin % len(self.stocks))

    # Lists.

    def _list(self, guest: Guest, sort: str) -> list[tuple[Thing, str]]:
        """
        List all, and tell what a client calls each thing.
        """
        if not self.world.has(guest.alone, sort):
            asked = self._ask(guest, LISTS[sort].method, {})
            self.same(asked.error["code"], -32601)
            return []
        things = self.world.view(guest.alone, sort)
        seen = self._pages(guest, LISTS[sort])
        names = [str(item.get(KEYS[sort])) for item in seen]
        self.same(len(names), len(things))
        called = [
            name if thing.public is None else thing.public for thing, name in zip(things, names, strict=True)
        ]
        expected = [
            oracle.listed(thing, guest.visitor, name) for thing, name in zip(things, called, strict=True)
        ]
        self.same(seen, expected)
        for thing, name in zip(things, called, strict=True):
            if thing.public is None:
                self.test.assertRegex(name, r"\A[A-Za-z0-9_.-]{1,64}\Z")
        self.same(len(set(called)), len(called))
        return list(zip(things, called, strict=True))

    def _pages(self, guest: Guest, sort: Sort) -> list[Json]:
        items: list[Json] = []
        params: Json = {}
        while True:
            result = self._ask(guest, sort.method, params).result
            page, cursor = result.pop(sort.member), result.pop("nextCursor", None)
            self.same(list(result), _members_of_a_list(guest.visitor))
            items += page
            if cursor is None:
                return items
            self.same(len(page), PAGE)
            params = {"cursor": cursor}

    def _change(self, step: Change, plugin: int) -> None:
        lists, told = self.world.lists[plugin], TOLD[step.sort]
        if lists[told] is None:
            return
        paths = {guest.alone for guest in self.guests}
        before = {alone: self.world.seen(alone) for alone in paths}
        lists[step.sort] = step.items
        setattr(self.stocks[plugin], step.sort, lists[step.sort])
        self._worker(plugin).tell(f"notifications/{told}/list_changed")
        self.memory.reactor.advance(0)
        after = {alone: self.world.seen(alone) for alone in paths}
        due = {
            alone: [name for name in after[alone] if before[alone][name] != after[alone][name]]
            for alone in paths
        }
        self._check_heard(due)

    def _check_heard(self, due: dict[int | None, list[str]]) -> None:
        """
        Check that every client has heard of these lists, and of nothing else.
        """
        for guest in self.guests:
            fresh = guest.ear.messages[guest.heard :]
            guest.heard = len(guest.ear.messages)
            expected = [f"notifications/{name}/list_changed" for name in due.get(guest.alone, ())]
            self.same(sorted(notice["method"] for notice in fresh), sorted(expected))

    # Calls.

    def _call(self, ask: Ask, guest: Guest) -> None:
        aim = self._aim(ask, guest)
        meta = dict(ask.meta)
        if ask.token is not None:
            meta["progressToken"] = ask.token
        if guest.visitor.level is not None and isinstance(guest.client, Modern):
            meta[f"{OURS}logLevel"] = guest.visitor.level
        asked = self._ask(guest, ask.method, {**aim.public, **({"_meta": meta} if meta else {})})
        if aim.plugins:
            call = Call(ask, guest, asked, aim)
            self.calls.append(call)
            self._check_given(call)
        elif isinstance(aim.instead, int):
            self.same(asked.error["code"], aim.instead)
        else:
            self.same(asked.result["completion"], aim.instead)

    def _aim(self, ask: Ask, guest: Guest) -> Aim:
        """
        Find out what a client wants, and what should come of it.
        """
        alone = guest.alone
        match ask.method:
            case "tools/call" | "prompts/get":
                sort = "tools" if ask.method == "tools/call" else "prompts"
                things: list[tuple[Thing | None, str]] = [*self._list(guest, sort), (None, "nobody's")]
                thing, name = things[ask.which % len(things)]
                public = {"name": name, "arguments": ask.arguments}
                if thing is None:
                    return Aim(public, instead=oracle.differ_nobodys(sort, self.world.has(alone, sort)))
                wrapped = oracle.is_wrapped(thing, guest.visitor)
                return Aim(public, {**public, "name": thing.own}, (thing.plugin,), wrapped)
            case "resources/read":
                listed = [thing.own for thing, _ in self._list(guest, "resources")]
                uris = [expand(thing.own) for thing, _ in self._list(guest, "templates")]
                uris += [*listed, "link:1", "link:2", "nobody:s"]
                uri = uris[ask.which % len(uris)]
                public = {"uri": uri}
                if not self.world.has(alone, "resources"):
                    return Aim(public, instead=-32601)
                missing = -32602 if guest.visitor.revision == MODERN else -32002
                return Aim(public, public, tuple(self.world.readers(alone, uri)), instead=missing)
            case _:
                return self._aim_completion(ask, guest)

    def _aim_completion(self, ask: Ask, guest: Guest) -> Aim:
        things = [*self._list(guest, "prompts"), *self._list(guest, "templates")]
        refs: list[tuple[Json, Json, int | None]] = [
            ({"type": "ref/prompt", "name": name}, {"type": "ref/prompt", "name": thing.own}, thing.plugin)
            if thing.sort == "prompts"
            else ({"type": "ref/resource", "uri": name}, {"type": "ref/resource", "uri": name}, thing.plugin)
            for thing, name in things
        ]
        refs.append(({"type": "ref/prompt", "name": "nobody's"}, {}, None))
        ref, own, plugin = refs[ask.which % len(refs)]
        rest = {"argument": {"name": "n", "value": "v"}}
        public = {"ref": ref, **rest}
        if not self.world.completes(guest.alone):
            return Aim(public, instead=-32601)
        if plugin is None:
            return Aim(public, instead=-32602)
        if not self.story.fakes[plugin].completes:
            return Aim(public, instead=NO_VALUES)
        return Aim(public, {"ref": own, **rest}, (plugin,))

    def _check_given(self, call: Call) -> None:
        """
        Check that a plugin was given what the client asked for, by its own names.
        """
        given = self._worker(call.plugin).said[-1]
        assert isinstance(given, Request)
        call.request = given
        params = {name: json.loads(bytes(value)) for name, value in given.params.items()}
        meta = params.pop("_meta", {})
        call.has_token = meta.pop("progressToken", None) is not None
        self.same((given.method, params), (call.ask.method, call.aim.own))
        self.same({name: meta[name] for name in meta if not name.startswith(OURS)}, call.ask.meta)
        self.same(call.has_token, call.ask.token is not None)

    def _tell(self, step: Tell, call: Call) -> None:
        if call.has_token:
            token = json.loads(bytes(call.request.params["_meta"]))["progressToken"]
            for number in range(step.times):
                about = {"progress": number, "message": "é"}
                call.progress.differ_throttle({"progressToken": call.ask.token, **about})
                params = {"progressToken": token, **about}
                self._write(call.plugin, {"method": "notifications/progress", "params": params})
        params = {"level": step.level, "data": step.data}
        self._write(call.plugin, {"method": "notifications/message", "params": params})
        least = call.guest.visitor.level or (None if call.guest.visitor.revision == MODERN else "info")
        hears = least is not None and LEVELS.index(step.level) >= LEVELS.index(least)
        if hears and oracle.differ_unattributable([each.plugin for each in self.calls], call.plugin):
            call.progress.told.append(params)
        self._check_notices(call)

    def _check_notices(self, call: Call) -> None:
        self.same([notice["params"] for notice in call.asked.notices], call.progress.told)

    def _answer(self, call: Call) -> None:
        method, uri, plugin = call.ask.method, call.aim.own.get("uri", ""), call.plugin
        said = call.ask.said
        result = oracle.direct(method, uri, said, self.story.fakes[plugin].modern)
        message = {"result": result} if said.error is None else {"error": said.error}
        call.turn += 1
        self._write(plugin, {"id": json.loads(call.request.id), **message})
        if said.error is not None and oracle.differ_turn(said.error) and call.turn < len(call.aim.plugins):
            self._check_given(call)
            return
        self.calls.remove(call)
        call.progress.end()
        self._check_notices(call)
        visitor = call.guest.visitor
        if said.error is None:
            if len(call.aim.plugins) == 1:
                self.world.learn(plugin, result)
            expected = {"result": oracle.result_seen(method, result, visitor, call.aim.wrapped)}
        else:
            expected = oracle.error_seen(method, uri, said.error, visitor)
        (seen,) = call.asked.answers
        self.test.assertTrue(call.asked.is_over)
        self.same(
            _unstamped({name: seen[name] for name in seen if name not in ("jsonrpc", "id")}, visitor),
            expected,
        )


def _unstamped(seen: Json, visitor: Visitor) -> Json:
    """
    Take away who the server is, which every modern result says.
    """
    if "result" not in seen:
        return seen
    meta = dict(seen["result"].get("_meta", {}))
    is_stamped = meta.pop(SERVER, {"name": "nobody"})["name"] == "mcpd"
    assert is_stamped is (visitor.revision == MODERN)
    rest = {name: value for name, value in seen["result"].items() if name != "_meta"}
    return {"result": {**rest, **({"_meta": meta} if meta else {})}}


def _members_of_a_list(visitor: Visitor) -> list[str]:
    # Besides its items: the hints are the daemon's own.
    return ["resultType", "ttlMs", "cacheScope", "_meta"] if visitor.revision == MODERN else []


def _stock(fake: Fake) -> Stock:
    lists: dict[str, Any] = dict(fake.lists)
    lists["templates"] = lists["templates"] or ()
    completes = {Feature.COMPLETIONS} if fake.completes else set()
    return Stock(**lists, features=frozenset({Feature.LOGGING, *completes}), telling=True)


def _plugin(number: int, fake: Fake) -> Plugin:
    chosen = Chosen((fake.include,), (fake.exclude,) if fake.exclude else ())
    return Plugin(plugin_name(number), ("x",), prefix=fake.prefix, tools=chosen)


class TransparencyTests(SynchronousTestCase):
    """
    Tests for what clients see of plugins.
    """

    @profile(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(STORIES)
    def test_transparent(self, story: Story) -> None:
        """
        Whatever a client sees, it would see at the plugin, but for what is documented to differ.
        """
        play = Play(self, story, Path(self.mktemp()))
        play.begin()
        try:
            play.play()
        finally:
            play.end()
