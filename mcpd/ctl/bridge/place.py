# -*- test-case-name: tests.ctl.bridge.test_place -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where the far side is, and what it is to be shown: read from what was given to ``mcpctl connect``.

No secret stands among the arguments of a command, which everybody can read;
references to secrets do, as in the configuration.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

import click

from mcpd.config.secrets import ALLOWED, check_reference, read_secret
from mcpd.ctl.bridge.far import Fields, Target
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame
from mcpd.trouble import Reason, Trouble

_HERE = "http://localhost/mcp"
_PLAIN = "text"
# RFC 9110, sections 5.6.2 and 5.5.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z", re.ASCII)
_VALUE = re.compile(rb"[\x20-\x7e\t]+\Z")
_OURS = ("accept", "connection", "content-length", "content-type", "host", "te", "transfer-encoding")


def target(frame: Frame, url: str | None, socket: str | None, fields: Fields) -> Target:
    """
    Find the far side.

    Args:
        frame: The command's run.
        url: The address; None: ``$MCPD_URL``, else the daemon on this machine.
        socket: A UNIX socket.
        fields: What it is shown; empty: to the daemon that was found here, its first key.

    Raises:
        click.UsageError: The address is none that can be asked.
        Complaint: There is no daemon.
    """
    address = url or (_HERE if socket else frame.environ.get("MCPD_URL", ""))
    if not address:
        address, found = _local(frame)
        fields = fields or found
    _check(address, socket)
    return Target(address.encode("ascii"), fields)


def in_clear(far: Target) -> bool:
    """
    Say whether credentials would leave this machine without TLS.
    """
    split = urlsplit(far.url.decode("ascii"))
    host = split.hostname or ""
    with suppress(ValueError):
        return bool(far.fields) and split.scheme == "http" and not ipaddress.ip_address(host).is_loopback
    return bool(far.fields) and split.scheme == "http" and host != "localhost"


def _check(address: str, socket: str | None) -> None:
    split = _split(address)
    if split is None or split.scheme not in ("http", "https") or not split.hostname:
        raise click.UsageError("the URL is not http://HOST/PATH or https://HOST/PATH")
    if split.username is not None or split.fragment:
        raise click.UsageError("the URL has credentials or a fragment: use --key-file or --header")
    if socket and split.scheme == "https":
        raise click.UsageError("--socket speaks no TLS: give --url with http://")


def _split(address: str) -> SplitResult | None:
    if not address.isascii() or not address.isprintable() or " " in address:
        return None
    try:
        split = urlsplit(address)
        # It is read only when it is asked for.
        return split if split.port != 0 else None
    except ValueError:
        return None


def _local(frame: Frame) -> tuple[str, Fields]:
    addresses = frame.ask("status")["addresses"]
    address = next((one for one in addresses if one.startswith(("http://", "https://"))), None)
    if address is None:
        text = "the daemon listens at no HTTP address: give --url or --socket"
        raise Complaint.of(Reason(Trouble.LISTEN, text))
    files = [key["file"] for key in frame.ask("key list") if key["file"] and key["revoked"] is None]
    # It may be another user's.
    with suppress(Complaint):
        return f"{address}/mcp", given(frame, next(iter(files), None), ())
    return f"{address}/mcp", ()


def given(frame: Frame, key_file: str | None, headers: Sequence[str]) -> Fields:
    """
    Give the header fields of ``--key-file`` and of each ``--header``.

    Raises:
        Complaint: KEY, a secret can't be used.
        click.UsageError: One is not written as it has to be.
    """
    fields = tuple(_fields(frame, key_file, headers))
    if len({name.lower() for name, _ in fields}) < len(fields):
        raise click.UsageError("a header field is given twice; --key-file gives Authorization")
    return fields


def _fields(frame: Frame, key_file: str | None, headers: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    if key_file is not None:
        yield b"Authorization", b"Bearer " + _secret(frame, f"file:{os.path.abspath(key_file)}")
    for each in headers:
        name, _, reference = each.partition("=")
        if not _NAME.match(name) or name.lower() in _OURS or name.lower().startswith("mcp-"):
            raise click.UsageError("--header is NAME=REFERENCE, with a NAME that is not the bridge's own")
        yield name.encode(), _value(frame, name, reference)


def _value(frame: Frame, name: str, reference: str) -> bytes:
    kind, _, text = reference.partition(":")
    if kind == _PLAIN and _VALUE.match(text.encode("utf-8", "surrogateescape")):
        return text.encode()
    try:
        check_reference(reference)
    except ValueError:
        raise click.UsageError(f"--header {name}: {ALLOWED}; what is no secret is text:VALUE") from None
    return _secret(frame, reference)


def _secret(frame: Frame, reference: str) -> bytes:
    try:
        secret = read_secret(reference, frame.environ, frame.uid).strip()
    except ValueError as error:
        raise Complaint.of(Reason(Trouble.KEY, str(error))) from None
    if not _VALUE.match(secret):
        raise Complaint.of(Reason(Trouble.KEY, f"{reference} is not one line of plain characters"))
    return secret
