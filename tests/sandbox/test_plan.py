# -*- test-case-name: tests.sandbox.test_plan -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.plan`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.limits import Limits
from mcpd.sandbox.plan import CHILD, Confinement, ProgramMissing, Refused, find_program, read_status

LIMITS = Limits(256 << 20, 32, 256, 1 << 20)


class FindProgramTests(SynchronousTestCase):
    """
    Tests for where a plugin's program is found.
    """

    def setUp(self) -> None:
        """
        Have a folder with a program.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.program = self.folder / "plugin"
        self.program.write_text("#!/bin/sh\n")
        self.program.chmod(0o700)

    def test_path(self) -> None:
        """
        A program with a path is taken as it stands.
        """
        self.assertEqual(find_program(str(self.program), ()), str(self.program))

    def test_not_at_path(self) -> None:
        """
        A program that is not where its path says is missing, although another folder has one of its name.
        """
        where = f"{self.folder}/elsewhere/plugin"
        with self.assertRaisesRegex(ProgramMissing, f"no program at {where}"):
            find_program(where, (str(self.folder),))

    def test_name(self) -> None:
        """
        A program without a path is found in the plugin's folders first, then in the usual ones.
        """
        self.assertEqual(find_program("plugin", (str(self.folder),)), str(self.program))
        ours = self.folder / "sh"
        self.assertIn(
            find_program("sh", (str(self.folder),)), ("/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh")
        )
        ours.write_text("#!/bin/sh\n")
        ours.chmod(0o700)
        self.assertEqual(find_program("sh", (str(self.folder),)), str(ours))

    def test_name_missing(self) -> None:
        """
        A program that is nowhere is missing, and the operator reads where it was looked for.
        """
        with self.assertRaises(ProgramMissing) as caught:
            find_program("no-such-program", ("/opt/one", "/opt/two"))
        said = "the program no-such-program was not found in /opt/one:/opt/two:/usr/local/bin:/usr/bin:/bin"
        self.assertEqual(str(caught.exception), said)

    def test_no_program(self) -> None:
        """
        A folder and a file that nobody may run are no programs.
        """
        (self.folder / "inner").mkdir()
        (self.folder / "text").write_text("")
        (self.folder / "text").chmod(0o600)
        for name in ("inner", "text"):
            self.assertRaises(ProgramMissing, find_program, str(self.folder / name), ())
            self.assertRaises(ProgramMissing, find_program, name, (str(self.folder),))


class ConfinementTests(SynchronousTestCase):
    """
    Tests for what is planned for a worker.
    """

    def confinement(self, cwd: str = "", path: tuple[str, ...] = ()) -> Confinement:
        """
        Make one with a home of its own.
        """
        return Confinement("/usr/bin/python3", Path("/state/plugins/files"), cwd, path, LIMITS)

    def test_command_line(self) -> None:
        """
        The launcher is an isolated interpreter without site packages, told everything that it needs.
        """
        launch = self.confinement().plan(
            "files", ["/bin/files", "-v"], {}, parent=17, user="mcpd", mark="aa:01"
        )
        launcher = ("/usr/bin/python3", "-I", "-S", str(CHILD))
        limits = (
            "DATA=1073741824,FSIZE=1048576,NOFILE=256,STACK=8388608,"
            "CORE=0,MEMLOCK=0,MSGQUEUE=0,SIGPENDING=256"
        )
        expected = (*launcher, "17", limits, "/state/plugins/files", "/bin/files", "-v")
        self.assertEqual(launch.arguments, expected)
        self.assertTrue((CHILD / "__main__.py").is_file())

    def test_cwd(self) -> None:
        """
        A worker starts where its plugin's configuration says.
        """
        launch = self.confinement("/srv/docs").plan(
            "files", ["/bin/files"], {}, parent=17, user="mcpd", mark="aa:01"
        )
        self.assertEqual(launch.arguments[6], "/srv/docs")

    def test_environment(self) -> None:
        """
        A worker has the base environment, and nothing of the daemon's.
        """
        launch = self.confinement(path=("/opt/node/bin",)).plan(
            "files", ["/x"], {}, parent=1, user="alice", mark="aa:01"
        )
        self.assertEqual(
            launch.environment,
            {
                "PATH": "/opt/node/bin:/usr/local/bin:/usr/bin:/bin",
                "HOME": "/state/plugins/files",
                "TMPDIR": "/state/plugins/files/tmp",
                "LANG": "C.UTF-8",
                "USER": "alice",
                "LOGNAME": "alice",
                "MCPD_PLUGIN": "files",
                "MCPD_MARK": "aa:01",
            },
        )

    def test_own_variables(self) -> None:
        """
        A plugin's own variables win over the base environment.
        """
        extra = {"TZ": "UTC", "LANG": "de_DE.UTF-8"}
        environment = (
            self.confinement().plan("files", ["/x"], extra, parent=1, user="mcpd", mark="aa:01").environment
        )
        self.assertEqual((environment["TZ"], environment["LANG"]), ("UTC", "de_DE.UTF-8"))
        self.assertEqual(environment["USER"], "mcpd")

    def test_mark(self) -> None:
        """
        A plugin's configuration can't take the mark from its workers.
        """
        extra = {"MCPD_MARK": "none"}
        launch = self.confinement().plan("files", ["/x"], extra, parent=1, user="mcpd", mark="aa:01")
        self.assertEqual(launch.environment["MCPD_MARK"], "aa:01")

    def test_prepare(self) -> None:
        """
        A plugin's own folders exist before it starts, and nobody else may look into them.
        """
        self.addCleanup(os.umask, os.umask(0))
        home = Path(self.mktemp()) / "plugins" / "files"
        confinement = Confinement("python3", home, "", (), LIMITS)
        confinement.prepare()
        confinement.prepare()
        modes = [stat.S_IMODE(folder.stat().st_mode) for folder in (home, home / "tmp")]
        self.assertEqual(modes, [0o700, 0o700])

    def test_not_prepared(self) -> None:
        """
        A home that can't be made is an error before anything is started.
        """
        home = Path(self.mktemp())
        home.write_text("")
        self.assertRaises(OSError, Confinement("python3", home, "", (), LIMITS).prepare)


class StatusTests(SynchronousTestCase):
    """
    Tests for what the launcher said.
    """

    def test_applied(self) -> None:
        """
        What the launcher said holds is known.
        """
        self.assertEqual(read_status(b'{"applied": ["session", "umask"]}\n'), ("session", "umask"))
        self.assertEqual(read_status(b'{"applied": []}\n'), ())

    def test_refused(self) -> None:
        """
        A launcher that stopped says at what, and the system's reason, in words.
        """
        with self.assertRaisesRegex(Refused, "^chdir: No such file or directory$"):
            read_status(b'{"error": "chdir", "errno": 2}\n')

    def test_refused_late(self) -> None:
        """
        A program that can't be executed is a refusal, although every layer was applied.
        """
        with self.assertRaisesRegex(Refused, "^exec: Permission denied$"):
            read_status(b'{"applied": ["session"]}\n{"error": "exec", "errno": 13}\n')

    def test_silent(self) -> None:
        """
        A launcher that ended before it said what holds has started nothing.
        """
        for status in (b"", b"\n", b"Traceback", b'{"applied": ["ses', b"\xff\n"):
            with self.assertRaisesRegex(Refused, "ended before it said what holds"):
                read_status(status)
