# -*- test-case-name: tests.relay.test_cursors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where in a list a client goes on.

A cursor is sealed, so it says nothing to whom it is given, can be used by
nobody else and for nothing else, and holds over a restart and a change of the
list.
"""

from __future__ import annotations

from attrs import frozen
from msgspec import DecodeError
from msgspec.json import Decoder

from mcpd.policy.seal import Broken, Seal
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Sort

_content = Decoder(tuple[str, int]).decode


@frozen
class Cursors:
    """
    Writes cursors, and reads them again.

    Attributes:
        longest: Characters beyond which nothing is one of ours.
    """

    _seal: Seal
    longest: int

    def write(self, sort: Sort, path: bytes, caller: str, key: str, index: int) -> str:
        """
        Write a cursor.

        Args:
            sort: The list.
            path: The path that it was asked at.
            caller: The principal who asked.
            key: What stands last on the page that ends here.
            index: How many items stand before the next page.
        """
        return self._seal.close(write.encode((key, index)), _about(sort, path, caller))

    def read(self, text: str, sort: Sort, path: bytes, caller: str) -> tuple[str, int]:
        """
        Read what was written for the same list, path and principal.

        Returns:
            The key and the index.

        Raises:
            Fault: PARAMS, it is none of those, whatever else it may be.
        """
        # The length first: a stranger's megabyte is not worth a decryption.
        if len(text) <= self.longest:
            try:
                return _content(self._seal.open(text, _about(sort, path, caller)))
            except (Broken, DecodeError):
                pass
        raise Fault(Kind.PARAMS, "this cursor was not given by this server for this list")


def _about(sort: Sort, path: bytes, caller: str) -> bytes:
    # As JSON, so that no two holders can be written the same way.
    return write.encode(("cursor", sort.member, path.decode("latin-1"), caller))
