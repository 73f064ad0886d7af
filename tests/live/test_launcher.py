# -*- test-case-name: tests.live.test_launcher -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for the launcher, in a process of its own, by any user.

The plugins are ``cat`` and ``ls``, which look at themselves through ``/proc``:
what they find is what a plugin in any language finds.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.limits import Limits
from mcpd.sandbox.plan import Confinement, Refused, read_status

_SECONDS = 30
_FIRST = ("session", "signals", "umask", "descriptors", "rlimits")
_LAST = ("capabilities", "pdeathsig", "no_new_privs", "chdir")
# Only root can empty the bounding set.
_APPLIED = (*_FIRST, "bounding", *_LAST) if os.geteuid() == 0 else (*_FIRST, *_LAST)
_LIMITS = Limits(256 << 20, 32, 128, 1 << 20)

_PARENT = """
import os, subprocess, sys
arguments = sys.argv[1:]
arguments[arguments.index("PARENT")] = str(os.getpid())
subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3>&1', "sh", *arguments])
os.close(1)
sys.stdin.read()
"""


def third(status: int) -> None:
    """
    Make the status descriptor 3, in the process that becomes the launcher.
    """
    os.dup2(status, 3)
    os.set_inheritable(3, True)


@frozen
class Run:
    """
    What came of one launch.

    Attributes:
        pid: The launcher's process id.
        code: The exit code.
        output: What the plugin wrote.
        status: What the launcher said.
    """

    pid: int
    code: int
    output: str
    status: bytes


class LauncherTests(SynchronousTestCase):
    """
    Tests for what a plugin finds when it starts.
    """

    if not Path("/proc/self/status").exists():
        skip = "there is no /proc to look into"

    def setUp(self) -> None:
        """
        Have a home for the plugin.
        """
        home = Path(self.mktemp()).absolute()
        self.confinement = Confinement(sys.executable, home, "", (), _LIMITS)
        self.confinement.prepare()

    def command(self, *command: str, parent: str = "", cwd: str = "") -> tuple[list[str], Mapping[str, str]]:
        """
        Plan a launch, as the daemon does.
        """
        launch = self.confinement.plan(
            "probe", command, {"OWN": "grüße"}, parent=os.getpid(), user="somebody", mark="aa:01"
        )
        arguments = list(launch.arguments)
        arguments[4] = parent or arguments[4]
        arguments[6] = cwd or arguments[6]
        return arguments, launch.environment

    def launch(self, *command: str, parent: str = "", cwd: str = "") -> Run:
        """
        Launch a plugin, and wait for its end.
        """
        arguments, environment = self.command(*command, parent=parent, cwd=cwd)
        reading, writing = os.pipe()
        # Left open, so that the launcher has something to close.
        os.set_inheritable(writing, True)
        process = self.popen(arguments, environment, writing)
        os.close(writing)
        try:
            output, _ = process.communicate(timeout=_SECONDS)
        finally:
            process.kill()
            process.wait()
        with open(reading, "rb") as status:
            return Run(process.pid, process.returncode, output.decode(), status.read())

    def popen(
        self, arguments: list[str], environment: Mapping[str, str], status: int
    ) -> subprocess.Popen[bytes]:
        """
        Start the launcher with its status, and with a signal blocked as it might be in a daemon.
        """
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        try:
            return subprocess.Popen(
                arguments,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                close_fds=False,
                preexec_fn=lambda: third(status),  # noqa: PLW1509  nothing here has threads
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def see(self, *command: str) -> Run:
        """
        Launch a plugin that must start.
        """
        run = self.launch(*command)
        self.assertEqual((run.code, read_status(run.status)), (0, _APPLIED))
        return run

    def fields(self, name: str) -> dict[str, str]:
        """
        Read what the kernel says of a plugin, by the names of its lines.
        """
        lines = self.see("/bin/cat", f"/proc/self/{name}").output.splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def test_state(self) -> None:
        """
        A plugin can gain no privileges, begins with no signal ignored or blocked, and its files are its own.
        """
        found = self.fields("status")
        self.assertEqual(found["NoNewPrivs"], "1")
        self.assertEqual(found["Umask"], "0077")
        ignored, blocked = int(found["SigIgn"], 16), int(found["SigBlk"], 16)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1):
            self.assertFalse((ignored | blocked) >> (number - 1) & 1, number)

    def test_session(self) -> None:
        """
        A plugin leads a session and a process group, under the number that the daemon knows.
        """
        run = self.see("/bin/cat", "/proc/self/stat")
        pid, _, rest = run.output.partition(" (")
        _, parent, group, session = rest.rpartition(") ")[2].split()[:4]
        self.assertEqual({int(pid), int(group), int(session)}, {run.pid})
        self.assertEqual(int(parent), os.getpid())

    def test_limits(self) -> None:
        """
        A plugin is bounded in memory, descriptors and files as was configured, and leaves no core file.
        """
        lines = self.see("/bin/cat", "/proc/self/limits").output.splitlines()
        found = {line[:26].strip(): line[26:].split()[:2] for line in lines}
        expected = {
            "Max core file size": 0,
            "Max data size": 1 << 30,
            "Max file size": 1 << 20,
            "Max locked memory": 0,
            "Max msgqueue size": 0,
            "Max open files": 128,
            "Max pending signals": 256,
            "Max stack size": 8 << 20,
        }
        self.assertEqual(
            {name: found[name] for name in expected}, {n: [str(v)] * 2 for n, v in expected.items()}
        )
        # These break honest programs, or count what is not the plugin's.
        ours = Path("/proc/self/limits").read_text().splitlines()
        for line in ours:
            if line[:26].strip() in {"Max address space", "Max cpu time", "Max processes"}:
                self.assertEqual(found[line[:26].strip()], line[26:].split()[:2])

    def test_capabilities(self) -> None:
        """
        A plugin has no capability, not even root's, and root's programs can't get any.
        """
        found = self.fields("status")
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(found[name], 16), 0, name)
        if os.geteuid() == 0:
            self.assertEqual(int(found["CapBnd"], 16), 0)

    def test_memory(self) -> None:
        """
        A plugin that wants more memory than it may have does not get it.
        """
        script = "for size in (900, 1100): bytearray(size << 20); print(size)"
        run = self.launch(sys.executable, "-uc", script)
        self.assertEqual((run.code, run.output, read_status(run.status)), (1, "900\n", _APPLIED))

    def test_file_size(self) -> None:
        """
        A plugin that writes a larger file than it may is stopped by the kernel.
        """
        script = "head -c 1048576 /dev/zero > fits && head -c 1048577 /dev/zero > large"
        run = self.launch("/bin/sh", "-c", script)
        self.assertNotEqual(run.code, 0)
        sizes = [(self.confinement.home / name).stat().st_size for name in ("fits", "large")]
        self.assertEqual(sizes, [1 << 20, 1 << 20])

    def test_environment(self) -> None:
        """
        A plugin's environment is what was planned, to the letter, and nothing of ours.
        """
        found = self.see("/bin/cat", "/proc/self/environ").output.split("\0")
        _, planned = self.command("/bin/cat")
        self.assertCountEqual(found, [*(f"{name}={value}" for name, value in planned.items()), ""])

    def test_descriptors(self) -> None:
        """
        A plugin has the standard three descriptors: neither the status nor anything of ours.
        """
        run = self.see("/bin/ls", "/proc/self/fd")
        # The fourth is the folder that is being listed.
        self.assertEqual(run.output.split(), ["0", "1", "2", "3"])
        run = self.see("/bin/sh", "-c", "ls -l /proc/$$/fd/3 2>/dev/null || echo none")
        self.assertEqual(run.output, "none\n")

    def test_folder(self) -> None:
        """
        A plugin starts in its home, with its arguments as they were written.
        """
        run = self.see("/bin/sh", "-c", 'pwd; printf "%s," "$@"', "sh", "a b", "", "*", "grüße")
        home = str(self.confinement.home.resolve())
        self.assertEqual(run.output, f"{home}\na b,,*,grüße,")

    def test_own_code(self) -> None:
        """
        What a plugin exits with is its own, even the launcher's code for a refusal.
        """
        for code in (3, 126):
            run = self.launch("/bin/sh", "-c", f"exit {code}")
            self.assertEqual((run.code, read_status(run.status)), (code, _APPLIED))

    def refused(self, run: Run) -> str:
        """
        Tell why a plugin was not started.
        """
        self.assertEqual((run.code, run.output), (126, ""))
        return str(self.assertRaises(Refused, read_status, run.status))

    def test_no_program(self) -> None:
        """
        A program that is not there, or is none, is refused with the system's reason.
        """
        text = self.confinement.home / "text"
        text.write_text("not a program")
        self.assertEqual(self.refused(self.launch(str(text))), "exec: Permission denied")
        text.chmod(0o700)
        self.assertEqual(self.refused(self.launch(str(text))), "exec: Exec format error")
        self.assertEqual(self.refused(self.launch("/no/such/program")), "exec: No such file or directory")

    def test_no_folder(self) -> None:
        """
        A folder that is not there is refused before the program runs.
        """
        run = self.launch("/bin/echo", "hello", cwd="/no/such/folder")
        self.assertEqual(self.refused(run), "chdir: No such file or directory")
        self.assertNotIn(b"applied", run.status)

    def test_orphan(self) -> None:
        """
        A plugin whose daemon is gone before it starts is not started.
        """
        run = self.launch("/bin/echo", "hello", parent="1" if os.getpid() != 1 else "2")
        self.assertTrue(self.refused(run).startswith("pdeathsig: "))

    def test_dies_with_us(self) -> None:
        """
        A plugin dies with its daemon, even if that is killed.
        """
        arguments, environment = self.command("/bin/sh", "-c", "echo here; exec sleep 600", parent="PARENT")
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        daemon = subprocess.Popen(
            [sys.executable, "-c", _PARENT, *arguments],
            env=environment, stdin=subprocess.PIPE, stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.stdin.close if daemon.stdin else daemon.kill)
        self.addCleanup(daemon.kill)
        said = b""
        while b"here" not in said:
            said += self.read(ours)
        self.assertEqual(select.select([ours], [], [], 0), ([], [], []))
        daemon.kill()
        # The end of the file says that nobody has the other end any more.
        self.assertEqual(self.read(ours), b"")

    def read(self, descriptor: int) -> bytes:
        """
        Read what comes in time.
        """
        readable, _, _ = select.select([descriptor], [], [], _SECONDS)
        self.assertTrue(readable, "nothing came in time")
        return os.read(descriptor, 4096)
