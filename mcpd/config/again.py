# -*- test-case-name: tests.config.test_again -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The configuration again, from where it came at first.

Which file that was is decided once: a daemon that began with one does not turn
to the development defaults because it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from mcpd.config.development import LeftOut, development
from mcpd.config.identities import identities
from mcpd.config.judge import judge
from mcpd.config.load import find_configuration, gather
from mcpd.config.origins import Setting, effective
from mcpd.config.settings import Settings
from mcpd.web.tls import Identity


@frozen
class Loaded:
    """
    A configuration that was found good.

    Attributes:
        settings: What is so.
        effective: Likewise, key by key, with who said so.
        identities: What each listener shows of itself, in their order; None: it
            has no TLS, or the local authority's pair, which is not loaded here.
        left_out: The development defaults' plugins that cannot run here, by name.
        local_authority: The folder of the authority that signs for the listeners
            with TLS; None: they have certificates of their own.  It is in the
            state folder, and so whoever has claimed that makes the pair first
            (:func:`mcpd.access.authority.local_pair`) and then loads it
            (:func:`mcpd.config.identities.identity`).
    """

    settings: Settings
    effective: tuple[Setting, ...]
    identities: tuple[Identity | None, ...]
    left_out: tuple[LeftOut, ...] = ()
    local_authority: Path | None = None


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
        now: Tells the time, in seconds since the epoch.
    """

    file: str | None
    environ: Mapping[str, str]
    cwd: Path
    installed: Path
    python: Path
    uid: int
    now: Callable[[], float]

    @classmethod
    def find(  # noqa: PLR0917  what is known of the machine
        cls,
        option: str | None,
        environ: Mapping[str, str],
        cwd: Path,
        installed: Path,
        python: Path,
        uid: int,
        now: Callable[[], float],
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
            now: Likewise.
        """
        found = find_configuration(option, environ)
        file = None if found is None else str(cwd / found)
        return cls(file, dict(environ), cwd, installed, python, uid, now)

    def load(self) -> Loaded:
        """
        Read and check everything as it is written now.

        Raises:
            ConfigurationError: With all that is wrong.
        """
        if self.file is None:
            found = development(self.environ, self.cwd, self.installed, self.python, self.uid)
            settings = found.settings
            shown = effective(settings, found.draft)
            return Loaded(
                settings, shown, (None,) * len(settings.listen), found.left_out, found.local_authority
            )
        draft = gather(self.file, self.environ, self.uid, str(self.cwd))
        settings = judge(draft)
        loaded = identities(draft, settings.listen, self.environ, self.uid, self.now())
        return Loaded(settings, effective(settings, draft), loaded)
