# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for what two plugins have each, so that either can be copied alone.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.floors import ROOT

_FILES, _SQLITE = ROOT / "plugins" / "files", ROOT / "plugins" / "sqlite"
# But for the names of the folders: "beneath" and "asking", "files" and "sqlite".
_NAMES = (("plugins.files", "plugins.sqlite"), ("beneath", "asking"))


class LikenessTests(SynchronousTestCase):
    """
    Tests for files that stand in two folders.
    """

    def test_alike(self) -> None:
        """
        What is mended in one of them is mended in the other.
        """
        for name in ("eras.py", "message.py"):
            here, there = _read(_FILES / "beneath" / name), _read(_SQLITE / "asking" / name)
            for ours, theirs in _NAMES:
                here = [line.replace(ours, theirs) for line in here]
            self.assertEqual(here, there, name)


def _read(path: Path) -> list[str]:
    # Each says what it is itself.
    return [line for line in path.read_text("utf-8").splitlines() if not line.startswith("ABOUT = ")]
