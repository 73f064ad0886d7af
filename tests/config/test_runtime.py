# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.runtime`.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.runtime import folders, likely_folders


class FoldersTests(SynchronousTestCase):
    """
    Tests for where the socket may be.
    """

    def test_said(self) -> None:
        """
        The configuration has the first word, and the last.
        """
        self.assertEqual(folders("/a", "/s", {"RUNTIME_DIRECTORY": "/b"}, 0), ("/a",))

    def test_order(self) -> None:
        """
        What systemd gave comes first, then the system's place for root, the user's own, the state's.
        """
        environ = {"RUNTIME_DIRECTORY": "/b:/c", "XDG_RUNTIME_DIR": "/run/user/7"}
        self.assertEqual(folders("", "/s", environ, 0), ("/b", "/run/mcpd", "/run/user/7/mcpd", "/s/run"))
        self.assertEqual(folders("", "/s", environ, 7), ("/b", "/run/user/7/mcpd", "/s/run", "/run/mcpd"))

    def test_relative(self) -> None:
        """
        A relative path in the environment is nobody's folder.
        """
        environ = {"RUNTIME_DIRECTORY": "b", "XDG_RUNTIME_DIR": "c"}
        self.assertEqual(folders("", "/s", environ, 7)[0], "/s/run")


class LikelyTests(SynchronousTestCase):
    """
    Tests for where a visitor looks.
    """

    def _config(self, text: str) -> dict[str, str]:
        path = Path(self.mktemp()).resolve()
        path.write_text(text)
        return {"MCPD_CONFIG": str(path), "HOME": "/home/a"}

    def test_configured(self) -> None:
        """
        The daemon's own configuration says where, whatever else may be wrong with it.
        """
        environ = self._config('[daemon]\nruntime_dir = "/r"\nnonsense = 1\n')
        self.assertEqual(likely_folders(environ, 7), ("/r",))
        environ = self._config('[daemon]\nstate_dir = "/s"\n')
        self.assertEqual(likely_folders(environ, 7), ("/s/run", "/run/mcpd"))

    def test_environment(self) -> None:
        """
        A variable has the last word, as it has for the daemon.
        """
        environ = self._config('[daemon]\nruntime_dir = "/r"\n')
        self.assertEqual(likely_folders({**environ, "MCPD_DAEMON__RUNTIME_DIR": "/v"}, 7), ("/v",))

    def test_unreadable(self) -> None:
        """
        A configuration that cannot be read says nothing.
        """
        for environ in (self._config("["), {"MCPD_CONFIG": "/nowhere"}, self._config("daemon = 1")):
            self.assertEqual(likely_folders(environ, 7), ("/var/lib/mcpd/run", "/run/mcpd"))

    def test_development(self) -> None:
        """
        Without a configuration it is where a daemon for development has its state.
        """
        found = likely_folders({"XDG_STATE_HOME": "/home/a/state"}, 7, "/nowhere")
        self.assertEqual(found, ("/home/a/state/mcpd/run", "/run/mcpd"))
