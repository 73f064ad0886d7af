# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a fixture writes.
"""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.machine import Outlet


class _Slow:
    # A sink that takes three bytes at a time.
    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: bytes) -> int:
        self.taken += data[:3]
        return len(data[:3])


class OutletTests(SynchronousTestCase):
    """
    A fixture's standard output.
    """

    def test_whole(self) -> None:
        """
        A message is written whole, however little the pipe takes at once.
        """
        sink = _Slow()
        Outlet(sink).send({"id": 1, "result": {}})
        self.assertEqual(sink.taken, b'{"jsonrpc": "2.0", "id": 1, "result": {}}\n')

    def test_raw(self) -> None:
        """
        Bytes that are no message are written as they are.
        """
        sink = io.BytesIO()
        Outlet(sink).write(b"no JSON")
        self.assertEqual(sink.getvalue(), b"no JSON")
