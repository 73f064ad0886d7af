# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.verbs`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.verbs import Visit
from mcpd.events import AdminAsked, WorkerSaid
from mcpd.journal import Line
from mcpd.trouble import Reason, Trouble, Troubled
from tests.admin.stage import NOW, FakeDaemon


@define(eq=False)
class Visitor:
    """
    Somebody who asks for verbs.
    """

    daemon: FakeDaemon = field(factory=FakeDaemon)
    heard: list[Line] = field(factory=list)
    visit: Visit = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.visit = Visit("uid:root", self.heard.append)

    def ask(self, verb: str, **params: Any) -> Deferred[Any]:
        """
        Ask, and have what JSON has.
        """
        asked = self.daemon.verbs().ask(self.visit, verb, json.dumps(params).encode())
        return Deferred.fromCoroutine(asked).addCallback(lambda told: json.loads(msgspec.json.encode(told)))


class VerbsTests(SynchronousTestCase):
    """
    Tests for what can be asked.
    """

    def setUp(self) -> None:
        """
        Have a visitor.
        """
        self.visitor = Visitor()
        self.daemon = self.visitor.daemon

    def _told(self, verb: str, **params: Any) -> Any:
        return self.successResultOf(self.visitor.ask(verb, **params))

    def _refused(self, verb: str, **params: Any) -> tuple[Trouble, str]:
        reason = self.failureResultOf(self.visitor.ask(verb, **params), Troubled).value.reason
        return reason.trouble, reason.text

    def _events(self) -> list[AdminAsked]:
        return [event for event in self.daemon.events if isinstance(event, AdminAsked)]

    def test_status(self) -> None:
        """
        The state of the daemon has that of each plugin, and why one is in trouble, with what helps.
        """
        told = self._told("status")
        self.assertEqual((told["pid"], told["ready"], told["sessions"]), (77, True, 3))
        reason = told["plugins"][1]["reason"]
        hint = Trouble.EXIT.hint
        self.assertEqual(reason, {"code": "MCPD-E-EXIT", "text": "exit status 1", "hint": hint})

    def test_plugin(self) -> None:
        """
        A plugin is told with the names of its tools; an unknown one is refused with the nearest name.
        """
        self.assertEqual(self._told("plugin", name="files")["tool_names"], ["files__read", "files__list"])
        told = Trouble.PLUGIN, 'there is no plugin "file"; did you mean files?'
        self.assertEqual(self._refused("plugin", name="file"), told)

    def test_logs(self) -> None:
        """
        The last lines are told, and with follow the later ones, of one plugin or all.
        """
        for plugin in ("files", "git"):
            self.daemon.publisher.tell(WorkerSaid(plugin, 1, "one"))
        (line,) = self._told("logs", plugin="git", count=5, follow=True)
        self.assertEqual(line, {"time": NOW, "level": "info", "plugin": "git", "text": "git: one"})
        self.daemon.publisher.tell(WorkerSaid("files", 1, "two"))
        self.daemon.publisher.tell(WorkerSaid("git", 1, "three"))
        self.assertEqual([line.text for line in self.visitor.heard], ["git: three"])
        self.assertEqual(len(self._told("logs", count=10)), 4)

    def test_logs_bounds(self) -> None:
        """
        A visitor follows once, asks for so many lines, and of a plugin that there is.
        """
        self._told("logs", count=0, follow=True)
        self.assertEqual(self._refused("logs", count=0, follow=True)[0], Trouble.REQUEST)
        self.assertEqual(self._refused("logs", count=-1)[0], Trouble.REQUEST)
        self.assertEqual(self._refused("logs", count=1, plugin="x")[0], Trouble.PLUGIN)

    def test_config(self) -> None:
        """
        The configuration is told with its origins; a secret never leaves the daemon.
        """
        told = {each["key"]: (each["value"], each["origin"]) for each in self._told("config")}
        self.assertEqual(told["daemon.drain"], ('"30s"', "built in"))
        self.assertEqual(told["plugins.git.env.TOKEN"], ("***", "/etc/mcpd/mcpd.toml:12"))

    def test_call(self) -> None:
        """
        A tool is called as a modern client's user would call it, by the visitor's own name.
        """
        told = self._told("call", tool="files__read", arguments={"path": "a"})
        self.assertEqual(told["result"]["content"][0]["text"], "hi")
        ((path, message, caller),) = self.daemon.calls
        params = json.loads(message)["params"]
        self.assertEqual((path, caller), (b"/mcp", "uid:root"))
        self.assertEqual((params["name"], params["arguments"]), ("files__read", {"path": "a"}))
        self.assertEqual(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28")

    def test_call_unknown(self) -> None:
        """
        A tool that nobody has is refused with the nearest name, or none if nothing is near.
        """
        told = Trouble.TOOL, 'there is no tool "files__rea"; did you mean files__read?'
        self.assertEqual(self._refused("call", tool="files__rea"), told)
        told = Trouble.TOOL, f'there is no tool "{"x" * 80}..."'
        self.assertEqual(self._refused("call", tool="x" * 100), told)

    def test_long_name(self) -> None:
        """
        To a name that is longer than any the nearest one is not sought, which would take long.
        """
        told = Trouble.PLUGIN, f'there is no plugin "{"files" * 16}..."'
        self.assertEqual(self._refused("plugin", name="files" * 17), told)

    def test_restart(self) -> None:
        """
        A restart is done and told as an event, and only imagined in a dry run.
        """
        self._told("restart", name="git", dry=True)
        self.assertEqual((self.daemon.asked, self._events()), ([], []))
        self._told("restart", name="git")
        self.assertEqual(self.daemon.asked, ["restart git"])
        self.assertEqual(self._events(), [AdminAsked("uid:root", "plugin restart", "git", "done")])

    def test_restart_fails(self) -> None:
        """
        A restart that fails is told with the reason, to who asked and as an event.
        """
        reason = Reason(Trouble.HUNG, "it ended five times")
        self.daemon.outcome = fail(Troubled(reason))
        self.assertEqual(self._refused("restart", name="git"), (reason.trouble, reason.text))
        self.assertEqual(self._events()[0].outcome, "MCPD-E-HUNG: it ended five times")

    def test_restart_breaks(self) -> None:
        """
        A change that fails as nobody expected is told as an event, too.
        """
        self.daemon.outcome = fail(ZeroDivisionError())
        self.failureResultOf(self.visitor.ask("restart", name="git"), ZeroDivisionError)
        self.assertEqual(self._events()[0].outcome, "failed here; see the log")

    def test_reload(self) -> None:
        """
        A reload says what it changed and what waits for a new start; a dry one is no event.
        """
        told = self._told("reload", dry=True)
        self.assertEqual((told["added"], told["waits"], told["dry"]), (["new"], ["listen"], True))
        self.assertEqual(self._events(), [])
        self._told("reload")
        self.assertEqual(self.daemon.asked, ["reload True", "reload False"])
        self.assertEqual(self._events(), [AdminAsked("uid:root", "reload", "", "done")])

    def test_keys(self) -> None:
        """
        A key is made, told this once, listed without itself, and revoked; a dry run leaves all as it is.
        """
        self.assertIsNone(self._told("key create", name="laptop", dry=True)["key"])
        self.assertEqual(self._told("key list"), [])
        self.assertEqual(self._told("key create", name="laptop")["key"], "mcpd_0101")
        self._told("key revoke", name="laptop", dry=True)
        listed = {"name": "laptop", "role": "all", "created": int(NOW), "revoked": None, "file": ""}
        self.assertEqual(self._told("key list"), [listed])
        self._told("key revoke", name="laptop")
        self.assertEqual(self._told("key list"), [{**listed, "revoked": int(NOW)}])
        verbs = [(event.verb, event.argument) for event in self._events()]
        self.assertEqual(verbs, [("key create", "laptop"), ("key revoke", "laptop")])
        self.assertNotIn("mcpd_0101", repr(self.daemon.events))

    def test_keys_refused(self) -> None:
        """
        A key with a bad name, a role that is none or a name that is taken is not made, dry or not.
        """
        self.assertEqual(self._refused("key create", name="A b", dry=True)[0], Trouble.NAME)
        self.assertEqual(self._refused("key create", name="a", role="king")[0], Trouble.ROLE)
        self.assertEqual(self._refused("key revoke", name="a")[0], Trouble.KEY_UNKNOWN)
        self._told("key create", name="a")
        self.assertEqual(self._refused("key create", name="a", dry=True)[0], Trouble.KEY_EXISTS)

    def test_key_not_kept(self) -> None:
        """
        A key that could not be kept is not told.
        """
        self.daemon.fake_keys.refuses = True
        self.assertEqual(self._refused("key create", name="a")[0], Trouble.STORE)
        self.assertEqual(self._events()[0].outcome, "MCPD-E-STORE: the disk is full")

    def test_misunderstood(self) -> None:
        """
        An unknown verb, an unknown member and a wrong type are refused, each with a sentence.
        """
        self.assertEqual(self._refused("shutdown"), (Trouble.REQUEST, "the daemon does not know this verb"))
        for params in ({"name": "git", "force": True}, {"name": 7}, {}):
            self.assertEqual(self._refused("restart", **params)[0], Trouble.REQUEST)

    def test_changes(self) -> None:
        """
        What changes something goes on though its visitor leaves, what only looks does not.
        """
        verbs = ("restart", "reload", "key create", "key revoke", "call", "logs", "nonsense")
        changing = [verb for verb in verbs if self.daemon.verbs().changes(verb)]
        self.assertEqual(changing, ["restart", "reload", "key create", "key revoke"])
