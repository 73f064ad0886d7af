# -*- test-case-name: tests.config.test_identities -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The certificates and keys that the listeners name, loaded with the configuration.

What cannot be used is refused as a wrong value is, at its place, so that a
reload with it changes nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping

from mcpd.config.document import LARGEST, read_content
from mcpd.config.draft import Draft
from mcpd.config.problem import Flaw
from mcpd.config.secrets import read_secret
from mcpd.web.pem import UnusableTls
from mcpd.web.spec import Listen, Tls
from mcpd.web.tls import Identity

_ALLOWED = {
    "certificate": "must be a PEM file: a certificate that is valid now, then those up to its authority",
    "private_key": "must refer to that certificate's key, in PEM and not encrypted",
    "client_ca": "must be a PEM file with the authorities of clients' certificates",
    "client_crl": "must be a PEM file with those authorities' lists of revoked certificates, not expired",
}


def identities(
    draft: Draft, listeners: Iterable[Listen], environ: Mapping[str, str], uid: int, now: float
) -> tuple[Identity | None, ...]:
    """
    Load what each listener shows of itself.

    Args:
        draft: Knows where it is written.
        listeners: What was made of the draft.
        environ: The environment, for references.
        uid: Who the daemon runs as.
        now: The time, in seconds since the epoch.

    Returns:
        One for each listener, in their order; None: it has no TLS.

    Raises:
        ConfigurationError: With all that cannot be used.
    """
    loaded: list[Identity | None] = []
    for index, listen in enumerate(listeners):
        try:
            loaded.append(None if listen.tls is None else identity(listen.tls, environ, uid, now))
        except UnusableTls as error:
            flaw = Flaw((), error.sentence, _ALLOWED[error.setting])
            draft.refuse(("listen", index, "tls", error.setting), flaw)
    draft.settle()
    return tuple(loaded)


def identity(tls: Tls, environ: Mapping[str, str], uid: int, now: float) -> Identity:
    """
    Load what one listener shows of itself.

    Args:
        tls: Where it is.
        environ: As in :func:`identities`, and so the others.
        uid: Likewise.
        now: Likewise.

    Raises:
        UnusableTls: It cannot be used.
    """
    try:
        key = read_secret(tls.private_key, environ, uid)
    except ValueError as error:
        raise UnusableTls("private_key", str(error)) from None
    return Identity.load(tls, key, _read, now)


def _read(path: str) -> bytes:
    content, status = read_content(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return content
