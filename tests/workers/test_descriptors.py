# -*- test-case-name: tests.workers.test_descriptors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.descriptors`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.process import ProcessReactor
from mcpd.workers.descriptors import Inlet, Outflow

DONE = Failure(ConnectionDone())


def is_open(descriptor: int) -> bool:
    """
    Say whether a descriptor is open.
    """
    with contextlib.suppress(OSError):
        os.fstat(descriptor)
        return True
    return False


class InletTests(SynchronousTestCase):
    """
    Tests for a worker's standard input.
    """

    def setUp(self) -> None:
        """
        Have a pipe that holds little.
        """
        self.reactor = ProcessReactor()
        self.theirs, self.ours = os.pipe()
        os.set_blocking(self.ours, False)
        self.room = fcntl.fcntl(self.ours, fcntl.F_SETPIPE_SZ, 4096)
        self.inlet = Inlet(self.reactor, self.ours)
        self.addCleanup(self.inlet.connectionLost, DONE)
        self.addCleanup(self.hang_up)

    def hang_up(self) -> None:
        """
        Close the worker's end.
        """
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def read(self) -> bytes:
        """
        Read as the worker, and let the reactor go on.
        """
        data = os.read(self.theirs, 1 << 20)
        self.reactor.settle()
        return data

    def test_at_once(self) -> None:
        """
        What the pipe takes is written at once, before the reactor turns.
        """
        self.inlet.send(b"one\n")
        self.inlet.send(b"two\n")
        self.assertEqual(os.read(self.theirs, 100), b"one\ntwo\n")
        self.assertEqual((self.inlet.waiting, self.reactor.getWriters()), (0, []))

    def test_waiting(self) -> None:
        """
        What the pipe does not take waits, is counted, and comes in order once the worker reads.
        """
        data = os.urandom(self.room)
        self.inlet.send(data + b"tail")
        self.assertEqual(self.inlet.waiting, 4)
        self.inlet.send(b"next")
        self.assertEqual(self.inlet.waiting, 8)
        self.assertEqual(self.read(), data)
        self.assertEqual(self.inlet.waiting, 0)
        self.inlet.send(b"last")
        self.assertEqual(os.read(self.theirs, 100), b"tailnextlast")

    def test_full(self) -> None:
        """
        A pipe that takes nothing at all loses nothing.
        """
        self.inlet.send(b"x" * self.room)
        self.assertEqual(self.inlet.writeSomeData(b"y"), 0)
        fuller = Inlet(self.reactor, self.ours)
        fuller.send(b"abc")
        self.assertEqual(fuller.waiting, 3)
        fuller.stopWriting()

    def test_hung_up(self) -> None:
        """
        A worker that closed its standard input ends our end, and later messages go nowhere.
        """
        self.hang_up()
        self.inlet.send(b"one\n")
        self.assertFalse(is_open(self.ours))
        self.inlet.send(b"two\n")
        self.assertEqual(self.inlet.waiting, 0)

    def test_hung_up_later(self) -> None:
        """
        A worker that closes its standard input while something waits ends our end, too.
        """
        self.inlet.send(b"x" * self.room * 2)
        self.hang_up()
        self.reactor.settle()
        self.assertFalse(is_open(self.ours))
        self.assertEqual(self.reactor.getWriters(), [])

    def test_closed_after(self) -> None:
        """
        The input ends once what waits is read, not before.
        """
        self.inlet.send(b"x" * (self.room + 10))
        self.inlet.loseConnection()
        self.reactor.settle()
        self.assertTrue(is_open(self.ours))
        self.assertEqual(len(self.read()), self.room)
        self.assertEqual(self.read(), b"x" * 10)
        self.assertEqual(self.read(), b"")
        self.assertFalse(is_open(self.ours))

    def test_closed_once(self) -> None:
        """
        A descriptor is closed once: by the second time its number may be another's.
        """
        self.inlet.connectionLost(DONE)
        other = os.dup(self.theirs)
        self.addCleanup(os.close, other)
        self.assertEqual(other, self.ours)
        self.inlet.connectionLost(DONE)
        self.assertTrue(is_open(other))


class OutflowTests(SynchronousTestCase):
    """
    Tests for what a worker writes.
    """

    def setUp(self) -> None:
        """
        Have a pipe that holds much.
        """
        self.reactor = ProcessReactor()
        self.ours, self.theirs = os.pipe()
        for descriptor in (self.ours, self.theirs):
            os.set_blocking(descriptor, False)
        self.room = fcntl.fcntl(self.ours, fcntl.F_SETPIPE_SZ, 1 << 20)
        self.heard: list[bytes] = []
        self.finished = 0
        self.outflow = Outflow(self.reactor, self.ours, self.hear, self.finish)
        self.outflow.startReading()
        self.addCleanup(self.outflow.close)
        self.addCleanup(self.hang_up)

    def hear(self, data: bytes) -> None:
        """
        Remember what came.
        """
        self.heard.append(data)

    def finish(self) -> None:
        """
        Remember the end.
        """
        self.finished += 1

    def hang_up(self) -> None:
        """
        Close the worker's end.
        """
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def test_heard(self) -> None:
        """
        What a worker writes is heard as it comes, and nothing where nothing came.
        """
        os.write(self.theirs, b"one")
        self.reactor.settle()
        self.assertIsNone(self.outflow.doRead())
        os.write(self.theirs, b"two")
        self.reactor.settle()
        self.assertEqual(self.heard, [b"one", b"two"])

    def test_bounded(self) -> None:
        """
        A worker that floods us gets 256 KiB of a turn, and the others theirs.
        """
        written = os.write(self.theirs, b"x" * (1 << 20))
        self.reactor.turn()
        self.assertEqual([len(data) for data in self.heard], [min(written, 256 << 10)])
        self.reactor.settle()
        self.assertEqual(sum(map(len, self.heard)), written)

    def test_too_fast(self) -> None:
        """
        A worker that writes more than is read waits a while, and loses nothing.
        """
        outflow = Outflow(self.reactor, os.dup(self.ours), self.hear, self.finish, 10 * (300 << 10))
        self.outflow.close()
        outflow.startReading()
        self.addCleanup(outflow.close)
        written = os.write(self.theirs, b"x" * (1 << 20))
        self.assertEqual(written, 1 << 20)
        for expected in (2, 4):
            self.reactor.settle()
            self.assertEqual(len(self.heard), expected)
            self.assertEqual(self.reactor.getReaders(), [])
            self.reactor.advance(0.1)
        self.reactor.settle()
        self.assertEqual((sum(map(len, self.heard)), self.reactor.getReaders()), (written, [outflow]))

    def test_too_fast_closed(self) -> None:
        """
        The end does not wait for who wrote too fast.
        """
        outflow = Outflow(self.reactor, os.dup(self.ours), self.hear, self.finish, 10)
        self.outflow.close()
        outflow.startReading()
        os.write(self.theirs, b"x" * (300 << 10))
        self.reactor.settle()
        outflow.drain()
        self.assertEqual((sum(map(len, self.heard)), self.finished), (300 << 10, 1))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_end(self) -> None:
        """
        At the end of the pipe our end is closed, and the end is told once.
        """
        os.write(self.theirs, b"last")
        self.hang_up()
        self.reactor.settle()
        self.assertEqual((self.heard, self.finished, is_open(self.ours)), ([b"last"], 1, False))
        self.outflow.drain()
        self.outflow.connectionLost(DONE)
        self.assertEqual(self.finished, 1)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_drain(self) -> None:
        """
        What a worker wrote last is heard although somebody else keeps the pipe open.
        """
        written = os.write(self.theirs, b"x" * (600 << 10))
        self.outflow.drain()
        self.assertEqual((sum(map(len, self.heard)), self.finished), (written, 1))
        self.assertFalse(is_open(self.ours))

    def test_drain_bounded(self) -> None:
        """
        Somebody else who goes on writing can't keep us from our work.
        """
        self.heard_then_more = 0

        def more(data: bytes) -> None:
            self.heard_then_more += 1
            os.write(self.theirs, b"more")

        outflow = Outflow(self.reactor, os.dup(self.ours), more, self.finish)
        os.write(self.theirs, b"first")
        outflow.drain()
        self.assertEqual((self.heard_then_more, self.finished), (64, 1))

    def test_closed_meanwhile(self) -> None:
        """
        Who hears something may have enough of it: nothing more is read, and no end is told.
        """
        outflow = Outflow(self.reactor, os.dup(self.ours), lambda data: outflow.close(), self.finish)
        os.write(self.theirs, b"x" * (300 << 10))
        outflow.drain()
        outflow.close()
        self.assertEqual(self.finished, 0)

    def test_broken(self) -> None:
        """
        A descriptor that can't be read any more is given up.
        """
        folder = os.open("/", os.O_RDONLY)
        outflow = Outflow(self.reactor, folder, self.hear, self.finish)
        outflow.drain()
        self.assertEqual((self.heard, self.finished, is_open(folder)), ([], 1, False))
