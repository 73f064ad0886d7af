# -*- test-case-name: tests.test_tap -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.tap`.
"""

from __future__ import annotations

import json
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve
from twisted.application.service import Application, IService, IServiceMaker, MultiService, ServiceMaker
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from twisted.plugin import getPlugins
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mcpd import __version__
from mcpd.config.load import SYSTEM
from mcpd.config.problem import ConfigurationError
from mcpd.daemon.service import Daemon
from mcpd.events import PluginLeftOut
from mcpd.tap import Options, keep_memory, makeService
from mcpd.testing.daemon import MemoryDaemon, settings
from mcpd.web.spec import Listen, Tls

GOOD = """
[daemon]
state_dir = "{folder}/state"
plugin_dir = ""
log = {{ format = "json", level = "warn", file = "{folder}/log" }}

[[listen]]
endpoint = "tcp:8420:interface=127.0.0.1"
auth = "none"
"""


class TapCase(SynchronousTestCase):
    """
    What the tests of ``twistd mcpd`` have in common.
    """

    def setUp(self) -> None:
        """
        Have a folder to be in, an environment without settings, and standard streams that can be read.
        """
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.folder = self.folder.resolve()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MCPD_")}
        self.environ = kept | {"XDG_STATE_HOME": str(self.folder / "xdg")}
        self.patch(os, "environ", self.environ)
        self.out, self.err = StringIO(), StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "__stdout__", self.out)
        self.patch(sys, "stderr", self.err)

    def write(self, text: str = GOOD) -> str:
        """
        Write a configuration, and tell its path.
        """
        path = self.folder / "mcpd.toml"
        path.write_text(text.format(folder=self.folder))
        return str(path)

    def parsed(self, *arguments: str) -> Options:
        """
        Parse our own arguments.
        """
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def exits(self, *arguments: str) -> Any:
        """
        Parse arguments that end the process, and tell its status.
        """
        return self.assertRaises(SystemExit, self.parsed, *arguments).code


class CheckTests(TapCase):
    """
    Tests for what is said of a configuration.
    """

    def test_good(self) -> None:
        """
        Checking a good configuration says so and exits with 0, and makes nothing.
        """
        self.assertEqual(self.exits("--check", "-c", self.write()), 0)
        self.assertEqual(self.out.getvalue(), "The configuration is good.\n")
        self.assertEqual(os.listdir(self.folder), ["mcpd.toml"])

    def test_bad(self) -> None:
        """
        A bad configuration is refused with 78 and all that is wrong with it, whether it is checked or used.
        """
        path = self.write('[daemon]\nplugin_dir = ""\ndrain = 5\nstarst = 1\n[roles]\n')
        for arguments in (("--check", "-c", path), ("-c", path)):
            self.assertEqual(self.exits(*arguments), 78)
        lines = self.err.getvalue().splitlines()
        self.assertEqual(lines[: len(lines) // 2], lines[len(lines) // 2 :])
        self.assertTrue(lines[-1].startswith("MCPD-E-CONFIG: the configuration is refused; "))
        said = self.err.getvalue()
        for word in (f"{path}:3", "drain", f"{path}:4", "starst", "starts", f"{path}:5", "roles"):
            self.assertIn(word, said)
        self.assertEqual(self.out.getvalue(), "")

    def test_missing(self) -> None:
        """
        A file that is named and not there is an error, and not a reason to use another.
        """
        self.environ["MCPD_CONFIG"] = self.write()
        self.assertEqual(self.exits("-c", str(self.folder / "nowhere.toml")), 78)
        self.assertIn("nowhere.toml", self.err.getvalue())

    def test_version(self) -> None:
        """
        The version can be asked for.
        """
        self.assertEqual(self.exits("--version"), 0)
        self.assertEqual(self.out.getvalue(), f"mcpd {__version__}\n")


class SourceTests(TapCase):
    """
    Tests for where the configuration comes from.
    """

    def test_option(self) -> None:
        """
        The command line names the file.
        """
        options = self.parsed("-c", self.write())
        self.assertEqual(options.loaded.settings.daemon.state_dir, f"{self.folder}/state")
        self.assertFalse(options.is_development)

    def test_environment(self) -> None:
        """
        Else the environment does; it has the last word on single keys, too.
        """
        self.environ["MCPD_CONFIG"] = self.write()
        self.environ["MCPD_DAEMON__DRAIN"] = "7s"
        options = self.parsed()
        self.assertEqual(options.loaded.settings.daemon.state_dir, f"{self.folder}/state")
        self.assertEqual(options.loaded.settings.daemon.drain, 7)
        self.assertFalse(options.is_development)

    def test_development(self) -> None:
        """
        Without any file the example plugins are served, and who can't run is named.
        """
        if os.path.exists(SYSTEM):
            self.skipTest(f"this machine has {SYSTEM}")
        for name, command in (("here", sys.executable), ("gone", "/no/such/program")):
            plugin = self.folder / "plugins" / name
            plugin.mkdir(parents=True)
            (plugin / "plugin.toml").write_text(f'command = ["{command}"]\n')
        options = self.parsed()
        self.assertTrue(options.is_development)
        self.assertEqual([plugin.name for plugin in options.loaded.settings.plugins], ["here"])
        ((left),) = options.loaded.left_out
        self.assertEqual(left.plugin, "gone")
        self.assertIn("/no/such/program", left.why)
        self.assertEqual(options.loaded.settings.daemon.state_dir, f"{self.folder}/xdg/mcpd")


class TwistdTests(TapCase):
    """
    Tests for what ``twistd`` itself is told.
    """

    def twistd(self, *arguments: str) -> ServerOptions:
        """
        Parse a whole command line.
        """
        options = ServerOptions()
        options.parseOptions([*arguments, "mcpd", "-c", self.write()])
        return options

    def test_known(self) -> None:
        """
        ``twistd`` knows the daemon by its name.
        """
        (maker,) = (maker for maker in getPlugins(IServiceMaker) if maker.tapname == "mcpd")
        assert isinstance(maker, ServiceMaker)
        self.assertEqual(maker.module, "mcpd.tap")
        self.assertIsInstance(self.twistd().subOptions, Options)

    def test_pidfile(self) -> None:
        """
        In the foreground no file with the process's number is written, unless one is named.
        """
        self.assertEqual(self.twistd("-n")["pidfile"], "")
        self.assertEqual(self.twistd("-n", "--pidfile", "/x.pid")["pidfile"], "/x.pid")
        self.assertEqual(self.twistd()["pidfile"], str(self.folder / "twistd.pid"))

    def test_logs_elsewhere(self) -> None:
        """
        The configured log is not used where ``twistd`` is told of another.
        """
        for arguments, elsewhere in (
            (("-n",), False),
            (("--logfile", "x.log"), True),
            (("--syslog",), True),
            (("--logger", "twisted.logger.STDLibLogObserver"), True),
        ):
            options: Any = self.twistd(*arguments).subOptions
            self.assertEqual(options.logs_elsewhere, elsewhere, arguments)
            application = Application("x")
            makeService(options).setServiceParent(application)
            observer = application.getComponent(ILogObserver, None)
            self.assertEqual(observer is None, elsewhere, arguments)


class ServiceTests(TapCase):
    """
    Tests for the service.
    """

    def made(self, *arguments: str) -> Daemon:
        """
        Make the service for these arguments, and find the daemon in it.
        """
        service = makeService(self.parsed(*arguments))
        assert isinstance(service, MultiService)
        (daemon,) = service.services
        assert isinstance(daemon, Daemon)
        return daemon

    def test_opens_nothing(self) -> None:
        """
        Making the service opens nothing, since ``twistd`` may fork before it is started.
        """
        options = self.parsed("-c", self.write())
        before = os.listdir("/proc/self/fd"), os.listdir(self.folder)
        service = makeService(options)
        verifyObject(IService, service)
        self.assertEqual((os.listdir("/proc/self/fd"), os.listdir(self.folder)), before)
        daemon = self.made("-c", self.write())
        self.assertIs(daemon._opened, None)
        self.assertEqual(daemon.settings, options.loaded.settings)
        self.assertEqual(daemon.addresses, [])

    def test_again(self) -> None:
        """
        The configuration is read again from where it came, as it is written then, wherever the daemon is.
        """
        path = self.write()
        daemon = self.made("-c", os.path.basename(path))
        os.chdir("/")
        self.write(GOOD.replace("8420", "8421"))
        self.assertEqual(daemon._again().settings.listen[0].endpoint, "tcp:8421:interface=127.0.0.1")
        os.unlink(path)
        self.assertRaises(ConfigurationError, daemon._again)

    def test_other_parent(self) -> None:
        """
        Beneath other services the log is somebody else's.
        """
        service = makeService(self.parsed("-c", self.write()))
        service.setServiceParent(MultiService())
        self.assertFalse((self.folder / "log").exists())

    def test_log(self) -> None:
        """
        The log goes where the configuration says, as it says.
        """
        options = self.parsed("-c", self.write())
        write = options.observer()
        for level in (LogLevel.info, LogLevel.error):
            write({"log_time": 0.0, "log_level": level, "log_format": "x", "log_namespace": "n"})
        (line,) = (self.folder / "log").read_text().splitlines()
        self.assertEqual(json.loads(line)["level"], "error")

    def test_standard_output(self) -> None:
        """
        Without a file the log goes to standard output.
        """
        options = self.parsed("-c", self.write('[daemon]\nplugin_dir = ""\n'))
        write = options.observer()
        write({"log_time": 0.0, "log_level": LogLevel.info, "log_format": "x", "log_namespace": "n"})
        self.assertEqual(json.loads(self.out.getvalue())["text"], "x")

    def test_greeting(self) -> None:
        """
        Who starts the daemon for development is told where it is, where the key is, and whom to trust.
        """
        if os.path.exists(SYSTEM):
            self.skipTest(f"this machine has {SYSTEM}")
        (self.folder / "plugins").mkdir()
        greet = self.made()._opened
        assert greet is not None
        self.assertEqual(self.out.getvalue(), "")
        state = self.folder / "state"
        tls = Tls(str(state / "tls" / "certificate.pem"), f"file:{state / 'tls' / 'key.pem'}")
        configured = settings(state, auth="required")
        secure = Listen("tcp:8421:interface=127.0.0.1", tls)
        configured = evolve(configured, listen=(*configured.listen, secure))
        memory = MemoryDaemon(configured, local_authority=state / "tls")
        memory.daemon.when_open(greet)
        memory.start()
        said, file = self.out.getvalue(), memory.daemon.key_file
        assert file is not None
        for words in ("http://127.0.0.1:8420/mcp", "https://127.0.0.1:8421/mcp", str(file)):
            self.assertIn(words, said)
        self.assertIn(str(state / "tls" / "ca.pem"), said)
        self.assertTrue((state / "tls" / "ca.pem").exists())
        self.assertNotIn(file.read_text().strip(), said)
        snippet = "{" + said.partition('{"mcpd"')[2].replace("\n", " ")
        self.assertEqual(json.loads('{"mcpd"' + snippet[1:])["mcpd"]["type"], "http")
        memory.stop()
        memory.reactor.advance(1)

    def test_keep_memory(self) -> None:
        """
        The C library is told to keep large blocks, where it can be told.
        """

        class Glibc:
            told: ClassVar[list[tuple[int, int]]] = []

            def mallopt(self, option: int, value: int) -> int:
                self.told.append((option, value))
                return 1

        self.assertTrue(keep_memory(Glibc()))
        self.assertEqual(Glibc.told, [(-1, 128 << 20), (-3, 32 << 20)])
        self.assertFalse(keep_memory(object()))

    def test_told(self) -> None:
        """
        What happens in the daemon is in the log, and in the journal that operators read.
        """
        daemon = self.made("-c", self.write())
        heard: list[Any] = []

        @implementer(ILogObserver)
        def hear(event: Any) -> None:
            heard.append(event)

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        daemon._publisher.tell(PluginLeftOut("gone", "there is no such program"))
        told = [event["plugin"] for event in heard if event.get("event") == "PluginLeftOut"]
        self.assertEqual(told, ["gone"])
        self.assertEqual([line.plugin for line in daemon.journal.last(9)], ["gone"])
