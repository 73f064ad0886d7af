# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.connection`.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.complaint import Complaint
from mcpd.ctl.connection import SocketConnection


class ConnectionTests(SynchronousTestCase):
    """
    Tests for a connection to the socket.
    """

    def setUp(self) -> None:
        """
        Connect both sides.
        """
        ours, self.daemon = socket.socketpair(socket.AF_UNIX)
        self.connection = SocketConnection(ours)
        self.addCleanup(self.daemon.close)
        self.addCleanup(self.connection.close)

    def _say(self, **message: Any) -> None:
        self.daemon.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def test_ask(self) -> None:
        """
        A request is one line, and its result what comes back; lines that come before it are kept.
        """
        self._say(method="line", params={"text": "early"})
        self._say(id=1, result=[1])
        self.assertEqual(self.connection.ask("logs", {"count": 1}, 5.0), [1])
        asked = {"jsonrpc": "2.0", "id": 1, "method": "logs", "params": {"count": 1}}
        self.assertEqual(json.loads(self.daemon.recv(1000)), asked)
        self._say(method="line", params={"text": "late"})
        self.daemon.close()
        self.assertEqual([line["text"] for line in self.connection.lines()], ["early", "late"])

    def test_refused(self) -> None:
        """
        An error is a complaint with its code and hint.
        """
        self._say(id=1, error={"message": "no", "data": {"code": "MCPD-E-PEER", "hint": "ask"}})
        complaint = self.assertRaises(Complaint, self.connection.ask, "status", {}, 5.0)
        self.assertEqual((complaint.code, complaint.text, complaint.hint), ("MCPD-E-PEER", "no", "ask"))

    def test_foreign(self) -> None:
        """
        What is no mcpd is told so, whatever it says.
        """
        for said in (b"SSH-2.0", b"[]", b"{}", b"\xff\xfe"):
            self.daemon.sendall(said + b"\n")
            complaint = self.assertRaises(Complaint, self.connection.ask, "status", {}, 5.0)
            self.assertEqual(complaint.text, "who answers there is no mcpd")

    def test_numbers(self) -> None:
        """
        Numbers that Python can't hold are shown as they are written.
        """
        digits = b"1" * 5000
        self.daemon.sendall(b'{"result":[1e999,1.5,' + digits + b"]}\n")
        self.assertEqual(self.connection.ask("call", {}, 5.0), ["1e999", 1.5, digits.decode()])

    def test_refused_at_the_door(self) -> None:
        """
        Who is hung up on is told what was said before that.
        """
        self._say(error={"message": "no", "data": {"code": "MCPD-E-PEER", "hint": ""}})
        self.daemon.close()
        complaint = self.assertRaises(Complaint, self.connection.ask, "status", {}, 5.0)
        self.assertEqual(complaint.code, "MCPD-E-PEER")

    def test_hung_up(self) -> None:
        """
        A daemon that ends is told as such, not as a traceback.
        """
        self.daemon.sendall(b'{"jsonrpc"')
        self.daemon.close()
        complaint = self.assertRaises(Complaint, self.connection.ask, "status", {}, 5.0)
        self.assertEqual(complaint.text, "the daemon hung up without an answer")

    def test_silent(self) -> None:
        """
        A daemon that does not answer in time is given up.
        """
        complaint = self.assertRaises(Complaint, self.connection.ask, "status", {}, 0.001)
        self.assertEqual(complaint.text, "the daemon did not answer in time")

    def test_open(self) -> None:
        """
        A connection is to a path; where nobody is the kernel's reason is told.
        """
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = f"{folder}/s"
        self.assertRaises(FileNotFoundError, SocketConnection.open, path)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(path)
            door.listen()
            SocketConnection.open(path).close()
