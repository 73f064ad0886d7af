# -*- test-case-name: tests.workers.test_pipe -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.pipe`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProcessProtocol
from twisted.internet.process import reapProcessHandlers
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.sandbox.kill import Tree
from mcpd.sandbox.plan import Launch
from mcpd.sandbox.proc import Proc
from mcpd.sandbox.reaper import Reaper
from mcpd.sandbox.usage import Usage
from mcpd.testing.process import FakeProcess, ProcessReactor
from mcpd.workers.pipe import Exit, Pipe
from tests.sandbox.machine import Machine
from tests.workers.stage import Hearer

LAUNCH = Launch(("/usr/bin/python3", "-I", "child", "/bin/plugin"), {"PATH": "/bin"})
APPLIED = b'{"applied": ["session"]}\n'


def descriptors() -> set[int]:
    """
    Tell which descriptors are open.
    """
    found = set()
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.add(number)
    return found


@define
class Signals:
    """
    Who takes the signals.
    """

    proc: Proc = Proc(Path("/no/such/folder"))
    sent: list[tuple[int, int]] = field(factory=list)

    def tree(self, pid: int) -> Tree:
        """
        Make what signals a process.
        """
        return Tree(pid, self.proc, lambda pid, number: self.sent.append((pid, number)))


class AttendedReactor(ProcessReactor):
    """
    A reactor that waits for its processes as Twisted's own does.
    """

    def spawnProcess(self, *args: Any, **given: Any) -> Any:
        """
        Spawn, and wait.
        """
        process: Any = super().spawnProcess(*args, **given)
        reapProcessHandlers[process.pid] = process
        return process


class StillbornReactor(ProcessReactor):
    """
    A reactor whose processes have ended before they are returned.
    """

    def spawnProcess(self, *args: Any, **given: Any) -> Any:
        """
        Spawn, and see the end.
        """
        process: Any = super().spawnProcess(*args, **given)
        process.exit(126)
        process.pid = None
        return process


class PipeCase(SynchronousTestCase):
    """
    Processes that are none, on real pipes.
    """

    def setUp(self) -> None:
        """
        Have a reactor, and nothing spawned yet.
        """
        self.before = descriptors()
        self.reactor = ProcessReactor()
        self.ears = Hearer()
        self.signals = Signals()
        self.addCleanup(lambda: self.assertEqual(descriptors(), self.before))

    def spawn(self, limit: int = 1 << 20, ears: Any = None) -> tuple[Pipe, FakeProcess]:
        """
        Spawn a process, which ends with the test.
        """
        pipe = Pipe.spawn(self.reactor, LAUNCH, limit, ears or self.ears, self.signals.tree)
        process = self.reactor.processes[-1]
        self.addCleanup(self.end, process)
        return pipe, process

    def end(self, process: FakeProcess, code: int = 0, signal: int | None = None) -> None:
        """
        End a process; it is heard in the next turn.
        """
        process.exit(code, signal)
        self.reactor.advance(0)

    def heard(self, kind: str) -> list[Any]:
        """
        Let the reactor go on, and tell what was heard of one kind.
        """
        self.reactor.settle()
        return [given for name, given in self.ears.heard if name == kind]


class SpawnTests(PipeCase):
    """
    Tests for starting a process.
    """

    def test_spawned(self) -> None:
        """
        The launcher is started with exactly the environment that was planned, and four descriptors.
        """
        pipe, process = self.spawn()
        self.assertEqual(
            (tuple(process.arguments), process.environment), (LAUNCH.arguments, {"PATH": "/bin"})
        )
        self.assertEqual(set(process.ends), {0, 1, 2, 3})
        self.assertEqual(pipe.pid, process.pid)
        verifyObject(IProcessProtocol, pipe)

    def test_not_spawned(self) -> None:
        """
        A process that could not be started leaves no descriptor open, and nothing is heard of it.
        """
        self.reactor.refusal = OSError(11, "Resource temporarily unavailable")
        self.assertRaises(OSError, Pipe.spawn, self.reactor, LAUNCH, 100, self.ears)
        self.assertEqual(descriptors(), self.before)
        self.assertEqual((self.ears.heard, self.reactor.getReaders()), ([], []))

    def test_ours_alone(self) -> None:
        """
        Once a process runs, only four of our descriptors are its pipes, and none blocks us.
        """
        _, process = self.spawn()
        ours = descriptors() - self.before - set(process.ends.values())
        self.assertEqual([os.get_blocking(number) for number in ours], [False] * 4)
        self.assertEqual([os.get_inheritable(number) for number in ours], [False] * 4)

    def test_attended(self) -> None:
        """
        Where Twisted waits for a process we wait in its stead, to have its account.
        """
        self.reactor = AttendedReactor()
        pipe, process = self.spawn()
        reaper = reapProcessHandlers.pop(process.pid)
        assert isinstance(reaper, Reaper)
        self.assertEqual((reaper.process, reaper.heir), (process, pipe))

    def test_stillborn(self) -> None:
        """
        A process that has ended before we know it is heard like any other, and never signalled.
        """
        self.reactor = StillbornReactor()
        pipe = Pipe.spawn(self.reactor, LAUNCH, 100, self.ears, self.signals.tree)
        self.assertEqual((self.ears.heard, pipe.pid), ([], 0))
        pipe.destroy()
        self.reactor.advance(0)
        self.assertEqual([name for name, _ in self.ears.heard], ["refused", "exited"])
        self.assertEqual((self.ears.heard[-1][1], self.signals.sent), (Exit(126), []))


class NumbersTests(PipeCase):
    """
    Tests for descriptors, whose numbers the next process gets.
    """

    def test_not_at_once(self) -> None:
        """
        A process that has ended keeps its descriptors for the rest of the reactor's turn.

        The reactor may have polled their end already, and tells it by number.
        """
        _, first = self.spawn()
        polled = {reader.fileno() for reader in self.reactor.getReaders()}
        first.exit()
        _, second = self.spawn()
        for reader in list(self.reactor.getReaders()):
            if reader.fileno() in polled:
                reader.connectionLost(Failure(ConnectionDone()))
        self.reactor.advance(0)
        second.write(3, APPLIED)
        second.close(3)
        self.assertEqual([name for name, _ in self.ears.heard if name == "exited"], ["exited"])
        self.assertEqual(len(self.heard("launched")), 1)


class UsageTests(PipeCase):
    """
    Tests for what a process uses.
    """

    def test_usage(self) -> None:
        """
        What a process uses is told as long as it runs.
        """
        path = Path(self.mktemp())
        path.mkdir()
        machine = Machine(path)
        self.signals.proc = machine.proc
        pipe, process = self.spawn()
        self.assertEqual(pipe.usage(), None)
        machine.has(process.pid, 1)
        used = pipe.usage()
        assert used is not None
        self.assertEqual(used.memory, 25 * os.sysconf("SC_PAGE_SIZE"))
        self.end(process)
        self.assertEqual(pipe.usage(), None)


class StatusTests(PipeCase):
    """
    Tests for what the launcher says.
    """

    def test_launched(self) -> None:
        """
        The launcher has become the plugin once it said what holds and its status has closed.
        """
        _, process = self.spawn()
        process.write(3, APPLIED[:5])
        self.assertEqual(self.heard("launched"), [])
        process.write(3, APPLIED[5:])
        self.assertEqual(self.heard("launched"), [])
        process.close(3)
        self.assertEqual(self.heard("launched"), [None])
        self.end(process)
        self.assertEqual(self.ears.heard, [("launched", None), ("exited", Exit(0))])

    def test_refused(self) -> None:
        """
        A launcher that could not says why.
        """
        _, process = self.spawn()
        process.write(3, b'{"error": "chdir", "errno": 2}\n')
        process.close(3)
        self.assertEqual(self.heard("refused"), ["chdir: No such file or directory"])

    def test_refused_late(self) -> None:
        """
        A program that can't be executed is refused, although everything holds.
        """
        _, process = self.spawn()
        process.write(3, APPLIED + b'{"error": "exec", "errno": 8}\n')
        process.close(3)
        self.assertEqual(self.heard("refused"), ["exec: Exec format error"])
        self.assertEqual(self.heard("launched"), [])

    def test_silent(self) -> None:
        """
        A launcher that ended without a word has started nothing.
        """
        _, process = self.spawn()
        process.close(3)
        self.assertEqual(self.heard("refused"), ["the launcher ended before it said what holds"])

    def test_refused_and_gone(self) -> None:
        """
        Why a launcher could not is known before its end is, even if both come at once.
        """
        _, process = self.spawn()
        process.write(3, b'{"error": "exec", "errno": 13}\n')
        self.end(process, 126)
        expected = [("refused", "exec: Permission denied"), ("exited", Exit(126))]
        self.assertEqual(self.ears.heard, expected)

    def test_bounded(self) -> None:
        """
        A status without end is not kept.
        """
        _, process = self.spawn()
        process.write(3, APPLIED + b"\n" * 5000)
        self.reactor.settle()
        process.write(3, b'{"error": "exec", "errno": 13}\n')
        process.close(3)
        self.assertEqual((self.heard("launched"), self.heard("refused")), ([None], []))


class TalkTests(PipeCase):
    """
    Tests for what is said and heard.
    """

    def test_lines(self) -> None:
        """
        Lines of standard output are heard whole, several at once if they came so.
        """
        _, process = self.spawn()
        process.write(1, b"one")
        self.assertEqual(self.heard("lines"), [])
        process.write(1, b"\ntwo\r\nthr")
        self.assertEqual(self.heard("lines"), [[b"one", b"two"]])
        process.write(1, b"ee\n")
        self.assertEqual(self.heard("lines"), [[b"one", b"two"], [b"three"]])

    def test_said(self) -> None:
        """
        Standard error is heard as it comes, apart from standard output.
        """
        _, process = self.spawn()
        process.write(2, b"warning")
        self.assertEqual((self.heard("said"), self.heard("lines")), ([b"warning"], []))

    def test_sent(self) -> None:
        """
        What is sent is on the process's standard input at once.
        """
        pipe, process = self.spawn()
        pipe.send(b"question\n")
        self.assertEqual((process.read(), pipe.waiting), (b"question\n", 0))

    def test_unread(self) -> None:
        """
        What a process does not read is counted, and comes as it reads.
        """
        pipe, process = self.spawn()
        total = 2 << 20
        pipe.send(b"x" * total)
        self.assertGreater(pipe.waiting, 0)
        read = 0
        while chunk := process.read():
            read += len(chunk)
            self.reactor.settle()
        self.assertEqual((read, pipe.waiting), (total, 0))

    def test_closed_input(self) -> None:
        """
        The end of its input comes after what was sent before.
        """
        pipe, process = self.spawn()
        pipe.send(b"last\n")
        pipe.close_input()
        self.reactor.settle()
        self.assertEqual(process.read(), b"last\n")
        self.assertEqual(process.read(), b"")
        self.assertEqual(self.ears.heard, [])

    def test_deaf(self) -> None:
        """
        A process that closed its input is sent nothing more, and is heard all the same.
        """
        pipe, process = self.spawn()
        process.close(0)
        pipe.send(b"question\n")
        pipe.send(b"question\n")
        pipe.close_input()
        process.write(1, b"still here\n")
        self.assertEqual(self.heard("lines"), [[b"still here"]])

    def test_flood(self) -> None:
        """
        However much a process writes, one turn of the reactor takes a bounded piece of it.
        """
        _, process = self.spawn()
        os.set_blocking(process.ends[1], False)
        written = os.write(process.ends[1], b"x\n" * (1 << 20))
        self.reactor.turn()
        read = sum(len(line) + 1 for lines in self.ears.heard for line in lines[1])
        self.assertLessEqual(read, 256 << 10)
        heard = self.heard("lines")
        self.assertEqual(sum(len(line) + 1 for lines in heard for line in lines), written)

    def test_too_long(self) -> None:
        """
        A line that grows too long ends the reading of it, once, and nothing of it is heard.
        """
        _, process = self.spawn(limit=10)
        process.write(1, b"x" * 12)
        self.assertEqual(self.heard("overflow"), [None])
        self.assertRaises(BrokenPipeError, process.write, 1, b"\nmore\n")
        process.write(2, b"sorry")
        self.assertEqual((self.heard("lines"), self.heard("said")), ([], [b"sorry"]))

    def test_closed_output(self) -> None:
        """
        A process that closes its output and error is not gone.
        """
        _, process = self.spawn()
        process.write(1, b"bye\n")
        process.close(1, 2)
        self.assertEqual(self.heard("lines"), [[b"bye"]])
        self.assertEqual(self.heard("exited"), [])


class EndTests(PipeCase):
    """
    Tests for how a process ends.
    """

    def test_how(self) -> None:
        """
        The operator reads how a process ended, and a signal is told apart from an exit.
        """
        cases: dict[Exit, tuple[str, dict[str, int]]] = {
            Exit(0): ("exit status 0", {}),
            Exit(3): ("exit status 3", {"code": 3}),
            Exit(None, 9): ("killed by signal 9", {"signal": 9}),
        }
        for end, (how, given) in cases.items():
            pipe, process = self.spawn()
            self.end(process, **given)
            self.assertEqual((self.ears.heard[-1], str(end)), (("exited", end), how))
            self.assertEqual(pipe.pid, process.pid)
            self.assertEqual(descriptors(), self.before)
            process.ends.clear()

    def test_last_words(self) -> None:
        """
        What a process wrote last is heard before its end is.
        """
        _, process = self.spawn()
        process.write(3, APPLIED)
        process.write(1, b'{"answer":1}\nhalf')
        process.write(2, b"Traceback")
        self.end(process, 1)
        expected = [
            ("launched", None),
            ("lines", [b'{"answer":1}']),
            ("said", b"Traceback"),
            ("exited", Exit(1)),
        ]
        self.assertEqual(self.ears.heard, expected)

    def test_grandchild(self) -> None:
        """
        A process is gone when it is gone, whoever else keeps its pipes open, and writes to them.
        """
        _, process = self.spawn()
        kept = [os.dup(end) for end in process.ends.values()]
        self.reactor.settle()
        self.end(process)
        self.assertEqual(self.ears.heard[-1], ("exited", Exit(0)))
        self.assertEqual(self.reactor.getReaders(), [])
        for end in kept[1:]:
            self.assertRaises(BrokenPipeError, os.write, end, b"late\n")
        for end in kept:
            os.close(end)

    def test_group(self) -> None:
        """
        What is left of a process's group is killed with it, and its number is never used again.
        """
        pipe, process = self.spawn()
        self.end(process)
        self.assertEqual(self.signals.sent, [(-process.pid, 9)])
        pipe.close_input()
        pipe.terminate()
        pipe.destroy()
        self.assertEqual(len(self.signals.sent), 1)

    def test_signals(self) -> None:
        """
        A process is asked to end, or killed, together with its group.
        """
        pipe, process = self.spawn()
        pipe.terminate()
        self.assertEqual(self.signals.sent, [(-process.pid, 15)])
        pipe.destroy()
        self.assertEqual(self.signals.sent[1:], [(-process.pid, 9), (process.pid, 9)])

    def test_last_overflow(self) -> None:
        """
        A process whose last line is too long is gone like any other.
        """
        _, process = self.spawn(limit=10)
        process.write(1, b"x" * 20)
        self.end(process)
        self.assertEqual([name for name, _ in self.ears.heard], ["refused", "overflow", "exited"])

    def test_used(self) -> None:
        """
        What a process used is told with its end, and its group dies while its number is still its own.
        """
        pipe, process = self.spawn()
        pipe.ending()
        self.assertEqual(self.signals.sent, [(-process.pid, 9)])
        pipe.used(Usage(5 << 20, 0.75))
        self.end(process, 1)
        self.assertEqual(self.ears.heard[-1], ("exited", Exit(1, None, 0.75, 5 << 20)))
        self.assertEqual(len(self.signals.sent), 1)

    def test_unsent(self) -> None:
        """
        What a process has not read goes with it.
        """
        pipe, process = self.spawn()
        pipe.send(b"x" * (1 << 20))
        self.end(process)
        pipe.send(b"more")
        self.assertEqual(self.reactor.getWriters(), [])
