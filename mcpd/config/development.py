# -*- test-case-name: tests.config.test_development -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is served where nobody configured anything.

It is the example plugins that can run here, and to this machine only.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from mcpd.config.document import Trust
from mcpd.config.draft import Draft
from mcpd.config.judge import judge
from mcpd.config.load import read_environment, read_plugin, read_plugin_dir
from mcpd.config.problem import ConfigurationError, Place
from mcpd.config.problem import Path as Way
from mcpd.config.runtime import state_dir
from mcpd.config.settings import LISTEN, Settings
from mcpd.web.spec import Listen, Tls

_SOURCE = "development defaults"
_SECURE = "tcp:8421:interface=127.0.0.1"
# What is said of listeners, and not built in.
_SAID: tuple[Way, ...] = (
    ("listen", 0, "endpoint"),
    ("listen", 1, "endpoint"),
    ("listen", 1, "tls", "certificate"),
    ("listen", 1, "tls", "private_key"),
)


@frozen
class LeftOut:
    """
    An example plugin that is not run.

    Attributes:
        plugin: Its name.
        why: One sentence.
    """

    plugin: str
    why: str


@frozen
class Development:
    """
    The development defaults on this machine.

    Attributes:
        settings: What is served.
        draft: What they were made of.
        left_out: The plugins that are not, by name.
        local_authority: The folder of the authority whose certificate the second listener has.
    """

    settings: Settings
    draft: Draft
    left_out: tuple[LeftOut, ...]
    local_authority: Path


def development(
    environ: Mapping[str, str], cwd: Path, installed: Path, python: Path, uid: int
) -> Development:
    """
    Make settings for a machine without a configuration.

    Args:
        environ: The environment: ``MCPD_SECTION__KEY`` and ``PATH``.
        cwd: Whose ``plugins`` folder has the plugins, if it is there.
        installed: The folder of the plugins that came with the daemon.
        python: The daemon's own interpreter; its folder comes first in each
            plugin's ``path``, so that ``python3`` is found in a virtual environment.
        uid: Who the daemon will run as.

    Raises:
        ConfigurationError: The environment says what it cannot, or two plugins
            have the same prefix.
    """
    draft = Draft.of_nothing(_SOURCE)
    draft.set("daemon", "state_dir", state_dir(environ), Place(_SOURCE))
    draft.set("daemon", "plugin_dir", "", Place(_SOURCE))
    read_environment(draft, environ, str(cwd))
    read_plugin_dir(draft, uid)
    own = cwd / "plugins"
    folder = own if own.is_dir() else installed
    # Whoever owns the folder around it could put another in its place anyway;
    # others must not make us run theirs, say in /tmp.
    around = folder.parent.stat().st_uid if folder.is_dir() else uid
    trust = Trust((0, uid, around), stat.S_IWOTH)
    path = (str(python.parent), environ.get("PATH", os.defpath))
    left_out = []
    for file in sorted(folder.glob("*/plugin.toml")):
        why = _why_not(file, trust, path)
        if why:
            left_out.append(LeftOut(file.parent.name, why))
        else:
            read_plugin(draft, file.parent.name, str(file), trust)
    settings = judge(draft)
    plugins = tuple(evolve(plugin, path=(path[0], *plugin.path)) for plugin in settings.plugins)
    authority = Path(settings.daemon.state_dir, "tls")
    listen = LISTEN, Listen(_SECURE, tls=_local(authority))
    ours: list[Way] = [("plugins", plugin.name, "path") for plugin in plugins]
    draft.places |= dict.fromkeys([*ours, *_SAID], Place(_SOURCE))
    settings = evolve(settings, plugins=plugins, listen=listen)
    return Development(settings, draft, tuple(left_out), authority)


def _local(authority: Path) -> Tls:
    # As mcpd.access.authority.local_pair writes them.
    return Tls(str(authority / "certificate.pem"), f"file:{authority / 'key.pem'}")


def _why_not(file: Path, trust: Trust, path: tuple[str, str]) -> str:
    """
    Tell in a sentence why a plugin cannot run here; nothing: it can.
    """
    for folder in (file.parent.parent, file.parent):
        flaw = trust.doubt(folder.stat())
        if flaw is not None:
            return f"{folder} {flaw}"
    alone = Draft.of_nothing(str(file))
    read_plugin(alone, file.parent.name, str(file), trust)
    try:
        plugin = judge(alone).plugins[0]
    except ConfigurationError as error:
        return " and ".join(map(str, error.problems))
    program = plugin.command[0]
    first, last = path
    if shutil.which(program, path=os.pathsep.join((first, *plugin.path, last))) is None:
        return f"there is no program {program}"
    return ""
