# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
State that a client carries.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.call import Refused
from tests.conformance.seal import Seal


class SealTests(SynchronousTestCase):
    """
    The seal.
    """

    def test_round(self) -> None:
        """
        What was sealed is read back.
        """
        for words in ("", "a", "ab", "abc", "\u00e9"):
            seal = Seal(b"k" * 32)
            self.assertEqual(seal.open(seal.close({"words": words})), {"words": words})

    def test_each_character(self) -> None:
        """
        Whatever character is changed, the seal is broken.
        """
        seal = Seal(b"k" * 32)
        sealed = seal.close({"a": 1})
        for place, character in enumerate(sealed):
            changed = f"{sealed[:place]}{'A' if character != 'A' else 'B'}{sealed[place + 1 :]}"
            self.assertRaises(Refused, seal.open, changed)

    def test_foreign_key(self) -> None:
        """
        What another process sealed is refused.
        """
        self.assertRaises(Refused, Seal(b"a" * 32).open, Seal(b"b" * 32).close({}))
