# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.secrets`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.secrets import ALLOWED, check_reference, read_secret

UID = os.geteuid()


class ReferenceTests(SynchronousTestCase):
    """
    How a secret is written.
    """

    def test_good(self) -> None:
        """
        A secret may be in a file, a credential or a variable.
        """
        for text in (
            "file:/etc/mcpd/tls/key.pem",
            "file:/etc/a key:with blanks",
            "cred:tls-key",
            "cred:a.b_c@d",
            "env:API_TOKEN",
            "env:_x1",
        ):
            check_reference(text)

    def test_bad(self) -> None:
        """
        What is no reference is refused, and never repeated: it may be the secret.
        """
        for text in (
            "",
            "hush",
            "hush:hush",
            "File:/x",
            "file:",
            "file:relative",
            "file:/a\nb",
            "file:/a\0",
            "cred:",
            "cred:../key",
            "cred:a/b",
            "cred:.",
            "cred:..",
            "cred:" + "x" * 256,
            "cred:x\n",
            "env:",
            "env:1x",
            "env:A-B",
            "env:A\n",
            " env:A",
            "-----BEGIN PRIVATE KEY-----",
        ):
            for call in (
                lambda text=text: check_reference(text),
                lambda text=text: read_secret(text, {}, UID),
            ):
                caught = self.assertRaises(ValueError, call)
                self.assertEqual(str(caught), ALLOWED, text)


class SecretTests(SynchronousTestCase):
    """
    What a reference leads to.
    """

    def setUp(self) -> None:
        """
        Have a folder with a secret.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "secret"
        self.path.write_bytes(b" hush\n")
        self.path.chmod(0o600)

    def refused(self, reference: str, sentence: str, environ: dict[str, str] | None = None) -> None:
        """
        Expect what an operator reads, without the secret.
        """
        caught = self.assertRaises(ValueError, read_secret, reference, environ or {}, UID)
        self.assertEqual(str(caught), f"{reference} {sentence}")
        self.assertNotIn("hush", str(caught))

    def test_file(self) -> None:
        """
        A file's secret is all that it holds.
        """
        for mode in (0o600, 0o400, 0o700):
            self.path.chmod(mode)
            self.assertEqual(read_secret(f"file:{self.path}", {}, UID), b" hush\n")

    def test_link(self) -> None:
        """
        A link to a key is followed, and the key is judged, not the link.
        """
        link = self.folder / "live"
        link.symlink_to(self.path)
        self.assertEqual(read_secret(f"file:{link}", {}, UID), b" hush\n")
        self.path.chmod(0o644)
        self.refused(f"file:{link}", "can be opened by others: chmod 600 it")

    def test_exposed(self) -> None:
        """
        A file that others may open in any way is refused.
        """
        for mode in (0o640, 0o620, 0o610, 0o604, 0o602, 0o601):
            self.path.chmod(mode)
            self.refused(f"file:{self.path}", "can be opened by others: chmod 600 it")

    def test_owner(self) -> None:
        """
        A file is root's or the daemon's own, or refused.
        """
        reference = f"file:{self.path}"
        if UID == 0:
            self.assertEqual(read_secret(reference, {}, 1000), b" hush\n")
            os.chown(self.path, 1001, 0)
        caught = self.assertRaises(ValueError, read_secret, reference, {}, 1000 if UID != 1000 else 1002)
        self.assertEqual(
            str(caught),
            f"{reference} belongs to another user, who can change it: it must be root's or the daemon's own",
        )

    def test_no_file(self) -> None:
        """
        A secret that can't be read is told by its reference and the system's reason.
        """
        self.refused(f"file:{self.folder}/none", "can't be read: No such file or directory")
        self.refused(f"file:{self.folder}", "can't be read: Is a directory")

    def test_fifo(self) -> None:
        """
        What is no regular file is refused at once, and holds nobody up.
        """
        fifo = self.folder / "fifo"
        os.mkfifo(fifo, 0o600)
        self.refused(f"file:{fifo}", "is not a regular file")

    def test_size(self) -> None:
        """
        A secret has at least one byte, and at most 64 KiB.
        """
        self.path.write_bytes(b"x" * (64 << 10))
        self.assertEqual(len(read_secret(f"file:{self.path}", {}, UID)), 64 << 10)
        self.path.write_bytes(b"x" * ((64 << 10) + 1))
        self.refused(f"file:{self.path}", "is longer than 64 KiB, which no secret is")
        self.path.write_bytes(b"")
        self.refused(f"file:{self.path}", "is empty")

    def test_credential(self) -> None:
        """
        A credential is read from the folder that systemd made, whoever it belongs to there.
        """
        environ = {"CREDENTIALS_DIRECTORY": str(self.folder)}
        self.path.chmod(0o440)
        self.assertEqual(read_secret("cred:secret", environ, UID + 1), b" hush\n")
        self.refused("cred:other", "can't be read: No such file or directory", environ)

    def test_no_credentials(self) -> None:
        """
        Outside of such a service a credential can't be had, and the operator reads why.
        """
        for environ in ({}, {"CREDENTIALS_DIRECTORY": ""}):
            self.refused(
                "cred:secret",
                "needs a service that systemd started with credentials: CREDENTIALS_DIRECTORY is not set",
                environ,
            )

    def test_variable(self) -> None:
        """
        A variable's secret is its value, byte for byte.
        """
        environ = {"A": "h\udcffush", "E": ""}
        self.assertEqual(read_secret("env:A", environ, UID), b"h\xffush")
        self.refused("env:B", "is not set", environ)
        self.refused("env:E", "is empty", environ)

    def test_nothing_left_open(self) -> None:
        """
        A secret's file is closed, whether it was good or not.
        """
        before = set(os.listdir("/dev/fd"))
        read_secret(f"file:{self.path}", {}, UID)
        self.path.chmod(0o644)
        self.assertRaises(ValueError, read_secret, f"file:{self.path}", {}, UID)
        self.assertRaises(ValueError, read_secret, f"file:{self.folder}", {}, UID)
        self.assertEqual(set(os.listdir("/dev/fd")), before)
