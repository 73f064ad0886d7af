# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.place`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.far import Fields, Target
from mcpd.ctl.bridge.place import given, in_clear, target
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame


@define(eq=False)
class _Daemon:
    addresses: tuple[str, ...] = ("unix:/run/x", "http://127.0.0.1:8420")
    keys: list[dict[str, Any]] = field(factory=list)

    def ask(self, verb: str, params: dict[str, Any], patience: float | None) -> Any:
        return {"status": {"addresses": self.addresses}, "key list": self.keys}[verb]

    def lines(self) -> Iterator[dict[str, Any]]:
        return iter(())


class PlaceTests(SynchronousTestCase):
    """
    Tests for where the far side is.
    """

    def setUp(self) -> None:
        """
        Have a daemon, and a key in a file.
        """
        self.daemon = _Daemon()
        self.file = Path(self.mktemp())
        self.file.write_text("mcpd_key\n")
        self.file.chmod(0o600)
        self.key = {"file": str(self.file.resolve()), "revoked": None}

    def _frame(self, environ: Mapping[str, str] | None = None) -> Frame:
        return Frame(environ or {"HOME": "/nowhere"}, os.getuid(), "/nowhere", lambda path: self.daemon)

    def _given(self, *headers: str, key_file: str | None = None) -> Fields:
        return given(self._frame({"TOKEN": "secret", "ODD": "two\nlines"}), key_file, headers)

    def _target(self, url: str | None, socket: str | None = None, **environ: str) -> Target:
        return target(self._frame(environ), url, socket, ())

    def test_address(self) -> None:
        """
        An address that was given is asked, else that of the environment, else the daemon on this machine.
        """
        self.assertEqual(self._target("https://far/mcp", MCPD_URL="http://else").url, b"https://far/mcp")
        self.assertEqual(self._target(None, MCPD_URL="http://else/mcp").url, b"http://else/mcp")
        self.assertEqual(self._target(None).url, b"http://127.0.0.1:8420/mcp")

    def test_socket(self) -> None:
        """
        A UNIX socket needs no address, and may have one for the sake of its path.
        """
        self.assertEqual(self._target(None, "/run/s", MCPD_URL="http://else").url, b"http://localhost/mcp")
        self.assertEqual(self._target("http://localhost/mcp/x", "/run/s").url, b"http://localhost/mcp/x")
        self.assertRaises(click.UsageError, self._target, "https://localhost/mcp", "/run/s")

    def test_no_address(self) -> None:
        """
        What can't be asked is refused at once, credentials in an address too.
        """
        for url in (
            "far/mcp",
            "ftp://far/mcp",
            "http:///mcp",
            "http://far:x/",
            "http://far:0/",
            "http://far:99999/",
            "http://f\u00e4r/",
            "http://far/a b",
            "http://far/\n",
            "http://[::1/",
            "http://user:secret@far/mcp",
            "http://far/mcp#x",
        ):
            error = self.assertRaises(click.UsageError, self._target, url)
            self.assertNotIn("secret", str(error))

    def test_here(self) -> None:
        """
        The daemon on this machine is shown its first key, if that may be read and nothing else was given.
        """
        authorization = ((b"Authorization", b"Bearer mcpd_key"),)
        cases: tuple[tuple[list[dict[str, Any]], Fields], ...] = (
            ([], ()),
            ([self.key], authorization),
            ([{"file": "", "revoked": None}, {**self.key, "revoked": 1.0}], ()),
            ([{"file": "/nowhere/key", "revoked": None}], ()),
        )
        for keys, fields in cases:
            self.daemon.keys = keys
            self.assertEqual(self._target(None).fields, fields)
        self.daemon.keys = [self.key]
        own = ((b"X", b"y"),)
        self.assertEqual(target(self._frame(), None, None, own).fields, own)
        self.daemon.addresses = ("unix:/run/x",)
        self.assertRaises(Complaint, self._target, None)

    def test_given(self) -> None:
        """
        Credentials come from files and from the environment.
        """
        path = self.key["file"]
        self.assertEqual(self._given(), ())
        self.assertEqual(self._given(key_file=str(self.file)), ((b"Authorization", b"Bearer mcpd_key"),))
        fields = self._given(f"X-Key=file:{path}", "X-Token=env:TOKEN", "X-Tenant=text:a b:c")
        self.assertEqual(fields, ((b"X-Key", b"mcpd_key"), (b"X-Token", b"secret"), (b"X-Tenant", b"a b:c")))

    def test_wrong(self) -> None:
        """
        A field that is not written as it has to be is refused, without repeating what may be a secret.
        """
        for header in (
            "X",
            "X=hush",
            "X=Bearer hush",
            "X=text:",
            "X=text:\u00e4hush",
            "X=text:\udcffhush",
            "=env:TOKEN",
            "X Y=env:TOKEN",
            "Host=text:far",
            "Mcp-Session-Id=text:hush",
        ):
            self.assertNotIn("hush", str(self.assertRaises(click.UsageError, self._given, header)))
        twice = ("x=text:1", "X=text:2")
        self.assertRaises(click.UsageError, self._given, *twice)
        self.assertRaises(click.UsageError, self._given, "authorization=text:1", key_file=str(self.file))

    def test_no_secret(self) -> None:
        """
        A secret that can't be read, or that others may read, or that is no single line, is refused.
        """
        for header in ("X=env:NOWHERE", "X=env:ODD", "X=file:/nowhere"):
            self.assertEqual(self.assertRaises(Complaint, self._given, header).code, "MCPD-E-KEY")
        self.file.chmod(0o644)
        self.assertRaises(Complaint, self._given, key_file=str(self.file))

    def test_in_clear(self) -> None:
        """
        Credentials that would cross a network without TLS are noticed.
        """
        fields = ((b"X", b"y"),)
        for url, clear in (
            (b"http://10.0.0.1/mcp", True),
            (b"http://far/mcp", True),
            (b"https://far/mcp", False),
            (b"http://localhost/mcp", False),
            (b"http://127.0.0.1:8420/mcp", False),
            (b"http://[::1]/mcp", False),
        ):
            self.assertEqual(in_clear(Target(url, fields)), clear, url)
        self.assertFalse(in_clear(Target(b"http://far/mcp")))
