# -*- test-case-name: plugins.files.tests.test_place -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Roots, the places beneath them, and how they are opened.

No path leads out of a root: it is opened name by name from its root's
descriptor, ``..`` is no name, and no symbolic link is followed.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from .call import Refused

PIECE = 64 << 10  # bytes of a line that are looked at together

# The way to a file is walked without reading any folder on it.
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a FIFO put there between the look and the opening hangs nobody.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_TROUBLE = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of the path is not a folder (symbolic links are not followed)",
    errno.ELOOP: "it is a symbolic link, which is not followed",
    errno.EACCES: "it may not be read",
    errno.EPERM: "it may not be read",
    errno.ENAMETOOLONG: "a name in it is too long",
}


@dataclass(frozen=True)
class Root:
    """
    A folder beneath which everything may be read.

    Attributes:
        name: The first part of every path beneath it.
        path: Where it is, absolute.
        fd: Its descriptor: what is opened starts here, whatever ``path`` leads to meanwhile.
    """

    name: str
    path: str
    fd: int


@dataclass(frozen=True)
class Place:
    """
    A root and the names that lead down from it, none of them ``..``.
    """

    root: Root
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """
        How it is called in answers.
        """
        return show(self.root.name, *self.names)


class Roots:
    """
    All the roots.
    """

    def __init__(self, roots: Sequence[Root]) -> None:
        self.all = tuple(roots)

    @classmethod
    def open(cls, paths: Sequence[str]) -> Roots:
        """
        Open the folders at ``paths``; two of the same name are told apart by a number.

        Raises:
            Refused: There is none, or one is no folder that can be read.
        """
        if not paths:
            raise Refused("give one folder or more: files.py ROOT...")
        roots: dict[str, Root] = {}
        for path in map(os.path.abspath, paths):
            plain = show(os.path.basename(path)) or "root"
            names = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
            name = next(name for name in names if name not in roots)
            try:
                # The root itself may be a link: the operator chose it.
                fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise Refused(f"{show(path)}: {error.strerror}") from None
            roots[name] = Root(name, path, fd)
        return cls(list(roots.values()))

    def find(self, path: str) -> Place | None:
        """
        Tell what ``path`` means, without a look at the disk; None is above all roots.

        Raises:
            Refused: It is not beneath a root.
        """
        if "\0" in path:
            raise Refused("A path has no NUL character.")
        if path.startswith("/"):
            path = self._beneath(path)
        names = [name for name in path.split("/") if name not in ("", ".")]
        if ".." in names:
            raise Refused("A path may not contain '..': start at a root and only go down.")
        if not names:
            return None
        for root in self.all:
            if root.name == names[0]:
                return Place(root, tuple(names[1:]))
        raise Refused(f"A path starts with the name of a root. {self.sentence()}")

    def _beneath(self, path: str) -> str:
        # The innermost root first, should one be beneath another.
        for root in sorted(self.all, key=lambda root: len(root.path), reverse=True):
            above = root.path.rstrip("/") + "/"
            if (path + "/").startswith(above):
                return f"{root.name}/{path[len(above) :]}"
        if path.strip("/") == "":
            return ""
        raise Refused(f"That is not beneath a root. {self.sentence()}")

    def sentence(self) -> str:
        """
        Say which roots there are.
        """
        return f"The roots are: {', '.join(root.name for root in self.all)}."


def trouble(error: OSError) -> str:
    """
    Say why something cannot be read, without the system's own words: they have paths in them.
    """
    return f"That cannot be read: {_TROUBLE.get(error.errno or 0, 'the system refuses')}."


def show(*names: str) -> str:
    r"""
    Write a path so that any JSON reader takes it: bytes that are not UTF-8 become ``\xHH``.
    """
    return "/".join(names).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def kind(facts: os.stat_result) -> str:
    """
    Tell what something is.
    """
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink"}
    return kinds.get(stat.S_IFMT(facts.st_mode), "special file")


@contextmanager
def reach(place: Place) -> Iterator[tuple[int, str]]:
    """
    Walk to the folder that ``place`` is in.

    Yields:
        That folder's descriptor, and the name in it.

    Raises:
        OSError: A part of the way is missing, or not a folder, or a link.
    """
    fd = os.open(".", _STEP, dir_fd=place.root.fd)
    try:
        for name in place.names[:-1]:
            step = os.open(name, _STEP, dir_fd=fd)
            os.close(fd)
            fd = step
        yield fd, place.names[-1] if place.names else "."
    finally:
        os.close(fd)


def want_file(facts: os.stat_result) -> None:
    """
    Go on only with a regular file.

    Raises:
        Refused: It is something else.
    """
    if not stat.S_ISREG(facts.st_mode):
        raise Refused(
            f"That is no file but a {kind(facts)}. Only files are read, and links are not followed."
        )


@contextmanager
def open_file(folder: int, name: str) -> Iterator[BinaryIO]:
    """
    Open a regular file, and nothing else.

    Raises:
        Refused: It is something else.
        OSError: It cannot be opened.
    """
    # Looked at first, since opening a device or a FIFO is felt at its other
    # end; looked at again, since it may be another one by now.
    want_file(os.stat(name, dir_fd=folder, follow_symlinks=False))
    with open(name, "rb", opener=lambda name, _flags: os.open(name, _FILE, dir_fd=folder)) as file:
        want_file(os.fstat(file.fileno()))
        yield file


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """
    Read a file by lines, each in pieces of at most ``PIECE`` bytes, with the line's number.
    """
    number = 1
    while piece := file.readline(PIECE):
        yield number, piece
        if piece.endswith(b"\n"):
            number += 1
