# -*- test-case-name: tests.wire.test_fault -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.fault`.
"""

from __future__ import annotations

from operator import setitem
from typing import Any

from attrs.exceptions import FrozenInstanceError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.fault import Fault, Kind

STANDARD = {
    "UNREADABLE": (-32700, 400),
    "INVALID": (-32600, 400),
    "UNKNOWN_METHOD": (-32601, 404),
    "ENVELOPE": (-32602, 400),
    "PARAMS": (-32602, 200),
    "INTERNAL": (-32603, 200),
    "HEADER_MISMATCH": (-32020, 400),
    "MISSING_CAPABILITY": (-32021, 400),
    "UNSUPPORTED_VERSION": (-32022, 400),
}

DOOR = {
    "BAD_REQUEST": (-31000, 400),
    "UNAUTHORIZED": (-31001, 401),
    "FORBIDDEN": (-31003, 403),
    "NOT_FOUND": (-31004, 404),
    "METHOD_NOT_ALLOWED": (-31005, 405),
    "NOT_ACCEPTABLE": (-31006, 406),
    "TOO_SLOW": (-31008, 408),
    "TOO_LARGE": (-31013, 413),
    "UNSUPPORTED_TYPE": (-31015, 415),
    "MISDIRECTED": (-31021, 421),
    "UPGRADE_REQUIRED": (-31026, 426),
    "TOO_OFTEN": (-31029, 429),
    "FIELDS_TOO_LARGE": (-31031, 431),
    "OVERLOADED": (-31103, 503),
    "HTTP_VERSION": (-31105, 505),
}

CALL = {
    "PLUGIN_GONE": (-31102, 200),
    "PLUGIN_UNAVAILABLE": (-31103, 200),
    "DEADLINE": (-31104, 200),
}


class KindTests(SynchronousTestCase):
    """
    Tests for the table of kinds.
    """

    def test_table(self) -> None:
        """
        Each kind has the code and the HTTP status that clients rely on, and none is another's second name.
        """
        table = {name: (kind.code, kind.status) for name, kind in Kind.__members__.items()}
        self.assertEqual(table, STANDARD | DOOR | CALL)
        self.assertEqual(len(list(Kind)), len(table))

    def test_ours(self) -> None:
        """
        No code of ours is in the range that JSON-RPC and MCP keep for themselves.
        """
        for name in DOOR | CALL:
            self.assertNotIn(Kind[name].code, range(-32768, -31999), name)

    def test_rule(self) -> None:
        """
        A code of ours says the HTTP status that means the same.
        """
        for name in DOOR:
            self.assertEqual(Kind[name].code, -31000 - (Kind[name].status - 400), name)
        said = {name: 400 - 31000 - Kind[name].code for name in CALL}
        self.assertEqual(said, {"PLUGIN_GONE": 502, "PLUGIN_UNAVAILABLE": 503, "DEADLINE": 504})


class FaultTests(SynchronousTestCase):
    """
    Tests for a refusal as a value.
    """

    def test_kept(self) -> None:
        """
        What the one who refused said reaches the one who writes it.
        """
        headers = ((b"Retry-After", b"3"),)
        fault = self.assertRaises(Fault, self._refuse, "busy", {"limit": 512}, headers)
        self.assertIs(fault.kind, Kind.OVERLOADED)
        self.assertEqual((fault.text, fault.data, fault.headers), ("busy", {"limit": 512}, headers))

    def _refuse(self, text: str, data: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...]) -> None:
        raise Fault(Kind.OVERLOADED, text, data, headers)

    def test_bare(self) -> None:
        """
        A fault that has only a sentence has no data and no headers, and nobody can add some for all.
        """
        fault = Fault(Kind.INVALID, "no")
        self.assertEqual((dict(fault.data), fault.headers), ({}, ()))
        self.assertRaises(TypeError, setitem, fault.data, "a", 1)

    def test_frozen(self) -> None:
        """
        A fault says the same to whoever reads it.
        """
        fault = Fault(Kind.INVALID, "no")
        for name in ("kind", "text", "data", "headers"):
            self.assertRaises(FrozenInstanceError, setattr, fault, name, None)

    def test_own(self) -> None:
        """
        Two faults of the same words are two faults.
        """
        self.assertNotEqual(Fault(Kind.INVALID, "no"), Fault(Kind.INVALID, "no"))

    def test_carried(self) -> None:
        """
        A fault comes through a Failure as it was raised.
        """
        fault = Fault(Kind.DEADLINE, "it took too long")
        failure = Failure(fault)
        self.assertIs(failure.check(Fault), Fault)
        self.assertIs(self.assertRaises(Fault, failure.raiseException), fault)

    def test_written(self) -> None:
        """
        A fault in a log says its own sentence and nothing of what led to it.
        """
        try:
            try:
                raise ValueError("password=hunter2")
            except ValueError:
                raise Fault(Kind.INTERNAL, "something went wrong") from None
        except Fault as fault:
            for text in (str(fault), repr(fault), Failure().getErrorMessage()):
                self.assertIn("something went wrong", text)
                self.assertNotIn("hunter2", text)
            self.assertTrue(fault.__suppress_context__)
