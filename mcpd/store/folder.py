# -*- test-case-name: tests.store.test_folder -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The state folder: one daemon's own.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from attrs import frozen


class FolderTaken(Exception):
    """
    Another daemon has the state folder; its text says which folder.
    """


@frozen
class StateFolder:
    """
    A state folder that is locked for us.

    Attributes:
        path: Where it is.
    """

    path: Path
    _lock: int

    @classmethod
    def claim(cls, path: Path) -> StateFolder:
        """
        Make the folder where there is none, and lock it.

        The lock ends with the process that holds it, however that ends.

        Raises:
            FolderTaken: Another daemon has it.
            OSError: It can't be made or opened.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FolderTaken(f"another daemon uses the state folder {path}") from None
        return cls(path, lock)

    @property
    def key(self) -> Path:
        """
        The file with the first key.
        """
        return self.path / "key"

    @property
    def seal(self) -> Path:
        """
        The file with the key of what strangers keep for us.
        """
        return self.path / "seal"

    @property
    def database(self) -> Path:
        """
        The file with what is kept of plugins and keys.
        """
        return self.path / "store.db"

    def plugin(self, name: str) -> Path:
        """
        A plugin's own folder.
        """
        return self.path / "plugins" / name

    def release(self) -> None:
        """
        Let another daemon have it.
        """
        os.close(self._lock)
