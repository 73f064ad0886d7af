# -*- test-case-name: tests.testing.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.daemon`.
"""

from __future__ import annotations

from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.problem import ConfigurationError
from mcpd.daemon.world import Nursery
from mcpd.events import LeftoversKilled
from mcpd.testing.daemon import ADMIN, MemoryDaemon, Quiet, settings
from mcpd.testing.worker import legacy, modern, tools
from mcpd.workers.spec import Plugin
from tests.daemon.secure import TLS, identity


class MemoryDaemonTests(SynchronousTestCase):
    """
    Tests for the daemon.
    """

    def test_through(self) -> None:
        """
        A call goes from a client of either era through the whole daemon to a plugin of either era.
        """
        plugins = [Plugin(name, ("x",)) for name in ("old", "new")]
        answers = {"old": legacy(tools("say")), "new": modern(tools("say"))}
        memory = MemoryDaemon(settings(Path(self.mktemp()), *plugins, auth="required"), answers)
        memory.start()
        old, new = memory.legacy(), memory.modern()
        old.shake()
        for client in (old, new):
            for name in ("old__say", "new__say"):
                asked = client.ask("tools/call", {"name": name, "arguments": {"x": name}})
                memory.reactor.advance(0)
                self.assertEqual(asked.result["content"], [{"type": "text", "text": f'{{"x": "{name}"}}'}])
        self.assertEqual(set(memory.plugins), {"old", "new"})
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.successResultOf(stopped)

    def test_open(self) -> None:
        """
        Where no key is needed its clients send none.
        """
        memory = MemoryDaemon(settings(Path(self.mktemp())))
        memory.start()
        client = memory.modern(path=b"/elsewhere")
        self.assertEqual(list(client.fields), [])
        self.assertEqual(client.ask("tools/list").status, 404)
        memory.stop()
        memory.reactor.advance(1)

    def test_again(self) -> None:
        """
        At a SIGHUP it reads the settings that it has by then, unless something is wrong with them.
        """
        memory = MemoryDaemon(settings(Path(self.mktemp())), {"p": legacy(tools("say"))}, leftovers=2)
        memory.start()
        self.assertEqual(memory.events[0], LeftoversKilled(2))
        self.assertIn(ADMIN, memory.reactor.ports)
        memory.settings = evolve(memory.settings, plugins=(Plugin("p", ("x",)),))
        (hang_up,) = memory.world.hangups
        memory.wrong = ConfigurationError(())
        hang_up()
        self.assertEqual(memory.plugins["p"].workers, [])
        memory.wrong = None
        hang_up()
        self.assertEqual(len(memory.plugins["p"].workers), 1)
        memory.stop()
        memory.reactor.advance(1)
        self.assertEqual(memory.world.quiet.said, ["begin", "stop"])

    def test_disk(self) -> None:
        """
        What it writes can be held up; to stop it waits for that.
        """
        memory = MemoryDaemon(settings(Path(self.mktemp())))
        memory.start()
        memory.world.disk.is_held = True
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.assertNoResult(stopped)
        memory.world.disk.work()
        self.successResultOf(stopped)

    def test_manager(self) -> None:
        """
        What it tells a service manager is kept, if its environment names one.
        """
        for environ, told in (({}, []), ({"NOTIFY_SOCKET": "/x"}, ["STOPPING=1"])):
            memory = MemoryDaemon(settings(Path(self.mktemp())), environ=environ)
            memory.start()
            memory.stop()
            memory.reactor.advance(1)
            self.assertEqual(memory.world.notified, told)

    def test_secure(self) -> None:
        """
        A listener may show a certificate of its own, or one of a local authority.
        """
        folder = Path(self.mktemp())
        configured = settings(folder, tls=TLS)
        memory = MemoryDaemon(configured, identities=(identity(),))
        self.assertEqual(memory.loaded().identities, memory.identities)
        self.assertIs(memory.loaded().local_authority, None)
        memory = MemoryDaemon(configured, local_authority=folder / "tls")
        self.assertEqual(
            (memory.loaded().identities, memory.loaded().local_authority), ((None,), folder / "tls")
        )


class QuietTests(SynchronousTestCase):
    """
    Tests for who looks after nothing.
    """

    def test_nobody(self) -> None:
        """
        A worker that is none has no mark, and nobody is signalled for it.
        """
        quiet = Quiet()
        nursery: Nursery = quiet
        self.assertEqual(nursery.mark(), "")
        tree = nursery.tree("", 1)
        tree.terminate()
        tree.destroy_rest()
        self.assertEqual(quiet.said, [])
