# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the plugin that tells how the machine is: on this one, and on made-up ones.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from plugins.kit.tests import misuse
from plugins.kit.tests.program import Conversation

HERE = Path(__file__).resolve().parents[1]


class SystemTests(misuse.Bearing):
    """
    As it is built for use.
    """

    folder, name = HERE, "system"

    def test_configuration(self) -> None:
        """
        The command in plugin.toml starts this program.
        """
        told = tomllib.loads((HERE / "plugin.toml").read_text())
        self.assertEqual(told["command"], ["./system"])

    def test_both(self) -> None:
        """
        A legacy client and a modern one are told the same, each in its words.
        """
        self.greet()
        legacy = self.call("process", {"pid": self.process.pid}, modern=False)
        modern = self.call("process", {"pid": self.process.pid})
        self.assertEqual((legacy.get("resultType"), modern["resultType"]), (None, "complete"))
        for result in (legacy, modern):
            self.assertEqual(result["structuredContent"]["name"], "system")


class SystemAsanTests(misuse.Bearing):
    """
    Watched by sanitizers.
    """

    folder, name, asan = HERE, "system", True


class HereTests(Conversation):
    """
    This machine.
    """

    folder, name, asan = HERE, "system", True

    def test_listed(self) -> None:
        """
        Every tool says that it changes nothing, and what it gives.
        """
        listed = self.tools()
        self.assertEqual(
            [tool["name"] for tool in listed], ["load", "memory", "disks", "processes", "process"]
        )
        for tool in listed:
            self.assertTrue(tool["annotations"]["readOnlyHint"])
            self.assertEqual(tool["outputSchema"]["type"], "object")

    def test_told(self) -> None:
        """
        What is told of this machine is all there, and plausible.
        """
        for tool in self.tools()[:4]:
            given = self.give(tool["name"])
            self.assertLessEqual(set(tool["outputSchema"]["required"]), set(given))
            self.assertLessEqual(set(given), set(tool["outputSchema"]["properties"]))
        memory = self.give("memory")
        self.assertGreater(memory["total"], memory["available"])
        self.assertEqual(self.give("load")["processors"], os.sysconf("SC_NPROCESSORS_ONLN"))
        self.close()

    def test_itself(self) -> None:
        """
        A process is found by its id.
        """
        told = self.give("process", pid=self.process.pid)
        self.assertEqual((told["name"], told["parent"]), ("system-asan", os.getpid()))
        self.assertEqual(self.refuse("process", pid=4_194_304), "There is no process 4194304.")


class MadeUpTests(Conversation):
    """
    Machines that a test makes up.
    """

    folder, name, asan = HERE, "system", True

    def setUp(self) -> None:
        """
        Start it with an empty folder in the place of /proc.
        """
        self.proc = Path(self.mktemp()).resolve()
        (self.proc / "self").mkdir(parents=True)
        self.start(str(self.proc))

    def put(self, pid: int, name: bytes, pages: int, ticks: int) -> None:
        """
        Make a process up.
        """
        (self.proc / str(pid)).mkdir()
        fields = f" S 1 0 0 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 3 0 500 0 {pages} 18446744073709551615 0\n"
        (self.proc / str(pid) / "stat").write_bytes(b"%d (%s)" % (pid, name) + fields.encode())

    def mounted(self, *mounts: tuple[str, str, object]) -> None:
        """
        Make mounts up: the device, the kind, and where.
        """
        lines = [
            f"{number} 1 {device} / {str(place).replace(' ', chr(92) + '040')} rw shared:1 - {kind} none rw\n"
            for number, (device, kind, place) in enumerate(mounts)
        ]
        (self.proc / "self" / "mountinfo").write_text("".join(lines))

    def test_names(self) -> None:
        """
        A name may have parentheses, spaces, newlines and any bytes: nobody poses as another process.
        """
        names = (b"a) S 9 (b", b"\n1 (init) R 0", b"x" * 200, b"\xff", b"")
        for pid, name in enumerate(names, 1):
            self.put(pid, name, pid, 0)
        for pid, name in enumerate(names, 1):
            told = self.give("process", pid=pid)
            self.assertEqual(told["name"], name[:64].decode("utf-8", "replace"))
            self.assertEqual((told["pid"], told["state"], told["parent"], told["threads"]), (pid, "S", 1, 3))
            self.assertEqual(told["memory"], pid * os.sysconf("SC_PAGESIZE"))
        self.close()

    def test_most(self) -> None:
        """
        Those that use the most come first, and no more than were wanted.
        """
        for pid in range(1, 151):
            self.put(pid, b"p", pages=pid * 37 % 151, ticks=pid * 11 % 151)
        for by, factor in (("memory", 37), ("cpu", 11)):
            expected = sorted(range(1, 151), key=lambda pid: -(pid * factor % 151))
            for count in (1, 10, 100):
                given = self.give("processes", by=by, count=count)
                self.assertEqual([one["pid"] for one in given["processes"]], expected[:count])
                self.assertEqual(given["all"], 150)
        self.assertEqual(len(self.give("processes")["processes"]), 10)
        self.close()

    def test_gone(self) -> None:
        """
        A process that is gone, or going, is left out.
        """
        self.put(1, b"here", 1, 1)
        for pid, text in ((2, None), (3, ""), (4, "4 (x"), (5, "5 ) (S 1"), (6, "6 (x) S 1 2"), (7, "7")):
            (self.proc / str(pid)).mkdir()
            if text is not None:
                (self.proc / str(pid) / "stat").write_text(text)
        given = self.give("processes")
        self.assertEqual(([one["pid"] for one in given["processes"]], given["all"]), ([1], 1))
        self.assertEqual(self.refuse("process", pid=6), "There is no process 6.")

    def test_disks(self) -> None:
        """
        Each local file system is told once; others are not asked, nor what is mounted beneath them.
        """
        folders = {name: self.proc / name for name in ("a b", "far", "near", "last")}
        for folder in folders.values():
            folder.mkdir()
        self.mounted(
            ("0:20", "tmpfs", self.proc),
            ("8:1", "ext4", folders["a b"]),
            ("8:1", "ext4", folders["near"]),
            ("0:50", "nfs4", folders["far"]),
            ("8:2", "xfs", folders["far"]),
            ("8:3", "xfs", folders["far"] / "beneath"),
            ("0:51", "fuse.sshfs", folders["near"]),
            ("8:4", "vfat", self.proc / "nowhere"),
            ("8:5", "ext4", folders["last"]),
        )
        with (self.proc / "self" / "mountinfo").open("a") as file:
            file.write("this is no mount\n\n")
        given = self.give("disks")
        self.assertEqual(
            [disk["path"] for disk in given["disks"]], [str(folders["a b"]), str(folders["last"])]
        )
        told = os.statvfs(folders["last"])
        self.assertEqual(given["disks"][1]["total"], told.f_blocks * told.f_frsize)
        self.assertEqual(given["skipped"], 6)
        self.close()

    def test_many(self) -> None:
        """
        However many disks there are, at most 64 are told.
        """
        self.mounted(*((f"8:{number}", "ext4", self.proc) for number in range(5000)))
        given = self.give("disks")
        self.assertEqual((len(given["disks"]), given["skipped"]), (64, 4096 - 64))

    def test_nothing(self) -> None:
        """
        A kernel that tells nothing, or something else, is named; nothing is made up.
        """
        for tool, what in (("load", "load"), ("memory", "memory"), ("disks", "mounts")):
            self.assertEqual(self.refuse(tool), f"The kernel does not tell its {what} here.")
        (self.proc / "meminfo").write_text("NotMemTotal: 5 kB\nMemTotal: many\nMemTotal: 7 kB")
        self.assertEqual(self.give("memory"), {"total": 7 * 1024})
        (self.proc / "loadavg").write_text("0.5 1.5 2.5 x")
        (self.proc / "uptime").write_text("9.5 1")
        self.refuse("load")
        (self.proc / "loadavg").write_text("0.5 1.5 2.5 3/44 1")
        told = self.give("load")
        self.assertEqual((told["load1"], told["running"], told["threads"], told["uptime"]), (0.5, 3, 44, 9.5))
        self.close()

    def test_no_proc(self) -> None:
        """
        Without its folder it says so, and goes on.
        """
        self.start(str(self.proc / "none"))
        self.assertEqual(self.refuse("processes"), "The kernel does not tell its processes here.")
        self.close()

    def test_arguments(self) -> None:
        """
        Counts and orders that are none are refused.
        """
        for wrong in ({"count": 0}, {"count": 101}, {"by": "name"}, {"count": "5"}, {"other": 1}):
            self.refuse("processes", **wrong)
        for pid in (0, -1, 1.5, "1", 2**40):
            self.refuse("process", pid=pid)
        self.refuse("process")
