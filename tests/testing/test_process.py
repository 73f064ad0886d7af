# -*- test-case-name: tests.testing.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.process`.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IReactorFDSet, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.testing.process import ProcessReactor
from mcpd.workers.descriptors import Inlet, Outflow


class Ending(ProcessProtocol):
    """
    Remembers how its process ended.
    """

    def __init__(self) -> None:
        self.reasons: list[Any] = []

    def processExited(self, reason: Failure) -> None:
        """
        Remember it.
        """
        self.reasons.append(reason.value)


class ProcessReactorTests(SynchronousTestCase):
    """
    Tests for processes that are none.
    """

    def setUp(self) -> None:
        """
        Have a reactor and two pipes, of which the process gets one end each.
        """
        self.reactor = ProcessReactor()
        self.their_input, self.our_input = os.pipe()
        self.our_output, self.their_output = os.pipe()
        os.set_blocking(self.our_input, False)
        os.set_blocking(self.our_output, False)
        self.protocol = Ending()

    def spawn(self) -> Any:
        """
        Spawn a process, and close what is its own.
        """
        ends = {0: self.their_input, 1: self.their_output}
        self.reactor.spawnProcess(self.protocol, "program", ["program", "-v"], {"A": "b"}, childFDs=ends)
        os.close(self.their_input)
        os.close(self.their_output)
        return self.reactor.processes[-1]

    def close(self) -> None:
        """
        Close what is ours.
        """
        os.close(self.our_input)
        os.close(self.our_output)

    def test_interfaces(self) -> None:
        """
        It is what our parts want of a reactor.
        """
        for interface in (IReactorProcess, IReactorFDSet, IReactorTime):
            verifyObject(interface, self.reactor)
        for descriptor in (self.their_input, self.our_input, self.our_output, self.their_output):
            os.close(descriptor)

    def test_remembered(self) -> None:
        """
        It remembers what was spawned; each process has its own number, which no real one has.
        """
        process = self.spawn()
        self.reactor.spawnProcess(self.protocol, "other")
        self.assertEqual((process.arguments, process.environment), (["program", "-v"], {"A": "b"}))
        first, second = (each.pid for each in self.reactor.processes)
        self.assertNotEqual(first, second)
        for pid in (first, -first):
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        process.close()
        self.close()

    def test_pipes(self) -> None:
        """
        A process reads and writes real pipes, until it closes them.
        """
        process = self.spawn()
        self.assertEqual(process.read(), b"")
        os.write(self.our_input, b"hello")
        self.assertEqual(process.read(), b"hello")
        process.write(1, b"answer")
        self.assertEqual(os.read(self.our_output, 100), b"answer")
        process.close(1)
        self.assertEqual(os.read(self.our_output, 100), b"")
        process.close()
        self.assertRaises(BrokenPipeError, os.write, self.our_input, b"x")
        self.close()

    def test_exit(self) -> None:
        """
        A process ends as a real one does: well, with a status, or by a signal.
        """
        process = self.spawn()
        process.exit()
        process.exit(3)
        process.exit(signal=9)
        done, failed, killed = self.protocol.reasons
        self.assertIsInstance(done, ProcessDone)
        self.assertIsInstance(failed, ProcessTerminated)
        self.assertEqual((failed.exitCode, failed.signal, killed.signal), (3, None, 9))
        self.assertEqual(os.read(self.our_output, 100), b"")
        self.close()

    def test_refusal(self) -> None:
        """
        It fails to spawn if it is told to.
        """
        self.reactor.refusal = OSError(11, "too many")
        self.assertRaises(OSError, self.spawn)
        self.assertEqual(self.reactor.processes, [])
        os.close(self.their_input)
        os.close(self.their_output)
        self.close()

    def test_turn(self) -> None:
        """
        In a turn everything that is ready is read and written once; in the end nothing is ready.
        """
        process = self.spawn()
        heard: list[bytes] = []
        inlet = Inlet(self.reactor, self.our_input)
        outflow = Outflow(self.reactor, self.our_output, heard.append, heard.clear)
        outflow.startReading()
        self.assertFalse(self.reactor.turn())
        inlet.write(b"question")
        process.write(1, b"answer")
        self.assertTrue(self.reactor.turn())
        self.assertEqual((process.read(), heard), (b"question", [b"answer"]))
        process.close()
        self.reactor.settle()
        self.assertEqual((heard, self.reactor.getReaders()), ([], []))
        inlet.loseConnection()
        self.reactor.settle()

    def test_one_closes_another(self) -> None:
        """
        What was closed in a turn is not read or written any more in it.
        """
        process = self.spawn()
        heard: list[bytes] = []
        inlet = Inlet(self.reactor, self.our_input)

        def hear(data: bytes) -> None:
            heard.append(data)
            for each in flows:
                each.close()
            inlet.connectionLost(Failure(ProcessDone(None)))

        flows = [
            Outflow(self.reactor, fd, hear, heard.clear) for fd in (self.our_output, os.dup(self.our_output))
        ]
        for flow in flows:
            flow.startReading()
        inlet.write(b"question")
        process.write(1, b"answer")
        self.reactor.settle()
        self.assertEqual(heard, [b"answer"])
        process.close()
