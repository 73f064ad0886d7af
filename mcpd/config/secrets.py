# -*- test-case-name: tests.config.test_secrets -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
References to secrets, and what they lead to.

A configuration never holds a secret itself, only where one is.  No error ever
repeats what stands in the place of a secret: a reference is shown only once it
is known to be one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

ALLOWED = 'a secret is written "file:/path", "cred:NAME" or "env:NAME", and never itself'

# A credential's name is that of a file (systemd.exec(5)): one with a slash would lead elsewhere.
_CREDENTIAL = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.@:-]{1,255}\Z", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FOLDER = "CREDENTIALS_DIRECTORY"
# Bounded: a key has some KiB, and what the reference names may be anything.
_MOST = 64 << 10
# A FIFO is opened without waiting for a writer, and then refused.
_FLAGS = os.O_NONBLOCK | os.O_NOCTTY


def check_reference(text: str) -> None:
    """
    Refuse what is not written as a reference.

    Args:
        text: What stands where a reference belongs; maybe a secret by mistake.

    Raises:
        ValueError: It is none; the sentence says what is allowed, and never repeats the text.
    """
    kind, _, name = text.partition(":")
    match kind:
        case "file":
            right = name.startswith("/") and name.isprintable()
        case "cred":
            right = _CREDENTIAL.match(name) is not None
        case "env":
            right = _VARIABLE.match(name) is not None
        case _:
            right = False
    if not right:
        raise ValueError(ALLOWED)


def read_secret(reference: str, environ: Mapping[str, str], uid: int) -> bytes:
    """
    Read the secret that a reference leads to.

    A file is a regular one that belongs to root or to ``uid``, and that nobody
    else may open.  A link to one is followed, since certificates' clients keep
    their newest key behind one.  A credential is what systemd gave the service;
    who may read that is systemd's affair.

    Args:
        reference: As :func:`check_reference` wants it.
        environ: The environment.
        uid: The user that the daemon runs as.

    Returns:
        All of it, blanks and line ends too.

    Raises:
        ValueError: It is no reference, or the secret can't be used; one
            sentence that names the reference, and never the secret.
    """
    check_reference(reference)
    kind, _, name = reference.partition(":")
    try:
        match kind:
            case "file":
                secret = _read(Path(name), uid)
            case "cred":
                secret = _read(_folder(environ) / name, None)
            case _:
                secret = _variable(environ, name)
    except OSError as error:
        raise ValueError(f"{reference} can't be read: {error.strerror}") from None
    except _Unfit as unfit:
        raise ValueError(f"{reference} {unfit}") from None
    if not secret:
        raise ValueError(f"{reference} is empty")
    return secret


class _Unfit(Exception):
    """
    Why a secret can't be used: the end of a sentence that begins with its reference.
    """


def _read(path: Path, uid: int | None) -> bytes:
    # What was opened is judged, not what the path meant a moment before.
    with open(path, "rb", opener=_open) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Unfit("is not a regular file")
        if uid is not None:
            _check_access(status, uid)
        secret = file.read(_MOST + 1)
    if len(secret) > _MOST:
        raise _Unfit("is longer than 64 KiB, which no secret is")
    return secret


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _check_access(status: os.stat_result, uid: int) -> None:
    if status.st_uid not in (0, uid):
        raise _Unfit("belongs to another user, who can change it: it must be root's or the daemon's own")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _Unfit("can be opened by others: chmod 600 it")


def _folder(environ: Mapping[str, str]) -> Path:
    folder = environ.get(_FOLDER)
    if not folder:
        raise _Unfit(f"needs a service that systemd started with credentials: {_FOLDER} is not set")
    return Path(folder)


def _variable(environ: Mapping[str, str], name: str) -> bytes:
    if name not in environ:
        raise _Unfit("is not set")
    return os.fsencode(environ[name])
