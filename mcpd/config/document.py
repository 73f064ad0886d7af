# -*- test-case-name: tests.config.test_document -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One file of the configuration: read, understood as TOML, and whose it is.

What its values mean is not judged here.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from mcpd.config.places import places
from mcpd.config.problem import ConfigurationError, Flaw, Path, Place, Problem

LARGEST = 1 << 20
"""Bytes of a file that is still read."""

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)\Z")
_AT_END = " (at end of document)"


@frozen
class Document:
    """
    A file that is TOML.

    Attributes:
        name: Its absolute path.
        table: What it says, as ``tomllib`` gives it.
        lines: Where it says so.
        status: Whose it is, and who may write it.
    """

    name: str
    table: dict[str, Any]
    lines: Mapping[Path, int]
    status: os.stat_result


def read_document(name: str) -> Document:
    """
    Read a file of the configuration.

    Raises:
        ConfigurationError: It cannot be read, is larger than :data:`LARGEST`
            or is not TOML; its one problem says so.
    """
    name = os.path.abspath(name)
    try:
        content, status = read_content(name)
    except OSError as error:
        raise _refusal(name, None, f"cannot be read: {error.strerror}", "it must be readable") from None
    if not stat.S_ISREG(status.st_mode):
        raise _refusal(name, None, "is not a regular file", "it must be one")
    if len(content) > LARGEST:
        raise _refusal(name, None, "is too large", f"a file may have {LARGEST} bytes")
    text = _text(name, content)
    try:
        return Document(name, tomllib.loads(text), places(text), status)
    except tomllib.TOMLDecodeError as error:
        wrong, line = _syntax(str(error), text)
        raise _refusal(name, line, f"is not TOML: {wrong}", "see https://toml.io/en/v1.0.0") from None
    except RecursionError:
        raise _refusal(name, None, "is nested too deeply", "a few levels are enough") from None
    except ValueError:
        # The interpreter's own bound on an integer's digits; tomllib lets it pass.
        raise _refusal(name, None, "has a number with too many digits", "64 bits are enough") from None


def read_content(name: str) -> tuple[bytes, os.stat_result]:
    """
    Read a file, and one byte more than :data:`LARGEST` at most.

    Returns:
        What it holds, nothing if it is no regular file; and what was opened.

    Raises:
        OSError: It cannot be read.
    """
    # Not to wait for a writer if it is a pipe, and to look at what was opened.
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        return (file.read(LARGEST + 1) if stat.S_ISREG(status.st_mode) else b""), status


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refusal(name, line, "is not UTF-8", "TOML is written in UTF-8") from None


def _syntax(said: str, text: str) -> tuple[str, int]:
    """
    Take the line out of what ``tomllib`` says.
    """
    match = _AT_LINE.search(said)
    if match is not None:
        return said[: match.start()], int(match[1])
    return said.removesuffix(_AT_END), text.rstrip("\n").count("\n") + 1


def _refusal(name: str, line: int | None, wrong: str, allowed: str) -> ConfigurationError:
    return ConfigurationError((Problem(Place(name, line), Flaw((), wrong, allowed)),))


@frozen
class Trust:
    """
    Who may say which programs are run.

    Attributes:
        owners: The user ids that may own such a file or folder.
        writable: The permission bits that it must not have.
    """

    owners: Collection[int]
    writable: int = stat.S_IWGRP | stat.S_IWOTH

    def doubt(self, status: os.stat_result) -> Flaw | None:
        """
        Tell why a file or folder cannot be trusted, or nothing.
        """
        if status.st_uid not in self.owners:
            return Flaw((), f"belongs to uid {status.st_uid}", "it must be root's or the daemon's own")
        mode = stat.S_IMODE(status.st_mode)
        if mode & self.writable:
            return Flaw(
                (),
                f"can be written by others (mode {mode:04o})",
                f"its mode must be {mode & ~self.writable:04o}",
            )
        return None
