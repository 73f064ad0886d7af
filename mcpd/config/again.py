# -*- test-case-name: tests.config.test_again -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The configuration again, from where it came at first.

Which file that was is decided once: a daemon that began with one does not turn
to the development defaults because it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from mcpd.config.development import LeftOut, development
from mcpd.config.judge import judge
from mcpd.config.load import find_configuration, gather
from mcpd.config.origins import Setting, effective
from mcpd.config.settings import Settings


@frozen
class Loaded:
    """
    A configuration that was found good.

    Attributes:
        settings: What is so.
        effective: Likewise, key by key, with who said so.
        left_out: The development defaults' plugins that cannot run here, by name.
    """

    settings: Settings
    effective: tuple[Setting, ...]
    left_out: tuple[LeftOut, ...] = ()


@frozen
class Source:
    """
    Where the configuration comes from.

    It is made before the daemon leaves the folder that it was started in.

    Attributes:
        file: The main file's absolute path; None: the development defaults.
        environ: The environment.
        cwd: The folder that the daemon was started in.
        installed: The folder of the plugins that came with the daemon.
        python: The daemon's own interpreter.
        uid: Who the daemon runs as.
    """

    file: str | None
    environ: Mapping[str, str]
    cwd: Path
    installed: Path
    python: Path
    uid: int

    @classmethod
    def find(  # noqa: PLR0917  what is known of the machine
        cls,
        option: str | None,
        environ: Mapping[str, str],
        cwd: Path,
        installed: Path,
        python: Path,
        uid: int,
    ) -> Source:
        """
        Decide on the file.

        Args:
            option: What the command line says, if it does.
            environ: The environment, which is copied.
            cwd: As the attribute, and so the others.
            installed: Likewise.
            python: Likewise.
            uid: Likewise.
        """
        found = find_configuration(option, environ)
        file = None if found is None else str(cwd / found)
        return cls(file, dict(environ), cwd, installed, python, uid)

    def load(self) -> Loaded:
        """
        Read and check everything as it is written now.

        Raises:
            ConfigurationError: With all that is wrong.
        """
        if self.file is None:
            found = development(self.environ, self.cwd, self.installed, self.python, self.uid)
            return Loaded(found.settings, effective(found.settings, found.draft), found.left_out)
        draft = gather(self.file, self.environ, self.uid, str(self.cwd))
        settings = judge(draft)
        return Loaded(settings, effective(settings, draft))
