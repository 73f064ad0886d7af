# -*- test-case-name: tests.config.test_anchor -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.anchor`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.anchor import anchor_daemon, anchor_listen, anchor_plugin


class AnchorTests(SynchronousTestCase):
    """
    Tests for relative paths.
    """

    def plugin(self, **table: Any) -> dict[str, Any]:
        """
        Anchor a plugin's table in ``/etc/mcpd/plugins.d``.
        """
        anchor_plugin(table, "/etc/mcpd/plugins.d")
        return table

    def test_command(self) -> None:
        """
        A program with a slash, and arguments that say so, start at the folder of their file.
        """
        for command, expected in (
            (["python3", "files.py"], ["python3", "files.py"]),
            (["python3", "./files.py"], ["python3", "/etc/mcpd/plugins.d/files.py"]),
            (["./files", "../docs/", "a/b"], ["/etc/mcpd/plugins.d/files", "/etc/mcpd/docs", "a/b"]),
            (["bin/files", "--in=./a"], ["/etc/mcpd/plugins.d/bin/files", "--in=./a"]),
            (["/bin/files", "/a/../b", ".hidden", ".."], ["/bin/files", "/a/../b", ".hidden", ".."]),
        ):
            self.assertEqual(self.plugin(command=command), {"command": expected})

    def test_folders(self) -> None:
        """
        A working folder and the folders of a path do, too; an absolute one stays.
        """
        self.assertEqual(
            self.plugin(cwd="data", path=["bin", "/opt/bin"]),
            {"cwd": "/etc/mcpd/plugins.d/data", "path": ["/etc/mcpd/plugins.d/bin", "/opt/bin"]},
        )

    def test_empty(self) -> None:
        """
        An empty path says something of its own, and stays empty.
        """
        self.assertEqual(
            self.plugin(cwd="", path=[""], command=[""]), {"cwd": "", "path": [""], "command": [""]}
        )

    def test_wrong(self) -> None:
        """
        What is of the wrong type is left for the refusal.
        """
        table = {"cwd": 1, "path": "bin", "command": [1, ["./a"]]}
        self.assertEqual(self.plugin(**table), table)
        anchor_plugin("a", "/etc")
        anchor_plugin({"path": [1], "command": "./a"}, "/etc")
        anchor_daemon([], "/etc")
        anchor_listen("tcp:1", "/etc")
        for listen in ({"endpoint": 1, "tls": "a"}, {"tls": {"certificate": 1, "private_key": 2}}):
            table = dict(listen)
            anchor_listen(table, "/etc")
            self.assertEqual(table, listen)

    def test_daemon(self) -> None:
        """
        The daemon's folders and its log's file start at the folder of the main file.
        """
        table = {
            "state_dir": "var",
            "runtime_dir": "run",
            "plugin_dir": "../plugins.d",
            "log": {"file": "log"},
            "drain": "a",
        }
        anchor_daemon(table, "/etc/mcpd")
        self.assertEqual(
            table,
            {
                "state_dir": "/etc/mcpd/var",
                "runtime_dir": "/etc/mcpd/run",
                "plugin_dir": "/etc/plugins.d",
                "log": {"file": "/etc/mcpd/log"},
                "drain": "a",
            },
        )

    def test_listen(self) -> None:
        """
        A listener's socket, its certificates and its key's file do, too; other references stay.
        """
        table = {
            "endpoint": "unix:mcp.sock",
            "tls": {
                "certificate": "tls/cert.pem",
                "private_key": "file:tls/key.pem",
                "client_ca": "/ca.pem",
                "client_crl": "crl.pem",
            },
        }
        anchor_listen(table, "/etc/mcpd")
        tls = {
            "certificate": "/etc/mcpd/tls/cert.pem",
            "private_key": "file:/etc/mcpd/tls/key.pem",
            "client_ca": "/ca.pem",
            "client_crl": "/etc/mcpd/crl.pem",
        }
        self.assertEqual(table, {"endpoint": "unix:/etc/mcpd/mcp.sock", "tls": tls})
        for key in ("cred:mcp", "env:KEY", "file:/key.pem", "file:", ""):
            table = {"tls": {"private_key": key}}
            anchor_listen(table, "/etc/mcpd")
            self.assertEqual(table, {"tls": {"private_key": key}})

    def test_output(self) -> None:
        """
        A log that goes to standard output, or that says nothing of a file, stays so, as does an empty folder.
        """
        table: dict[str, Any] = {"runtime_dir": ""}
        anchor_daemon(table, "/etc/mcpd")
        self.assertEqual(table, {"runtime_dir": ""})
        for log in ({"file": "-"}, {"level": "info"}, {"file": ""}, "text"):
            table = {"log": log}
            anchor_daemon(table, "/etc/mcpd")
            self.assertEqual(table, {"log": log})
