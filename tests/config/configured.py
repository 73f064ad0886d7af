# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Configurations: how one is loaded, and random ones, which are good.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st

from mcpd.config.judge import judge
from mcpd.config.load import gather
from mcpd.config.settings import DaemonSettings, Log, Settings
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Bytes, Count, Rate, Room, Seconds, Tries, Wait
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings, Tls
from mcpd.workers.spec import Chosen, Plugin, Restart, Timeouts, WorkerLimits, Workers

NAMES = ("a", "b", "c")
"""The plugins there can be: few, so that two configurations often share some."""

thrifty = profile(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""How many configurations are drawn: they are large, and a machine may be busy."""

_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
_counts = st.integers(1, 3)
_seconds = st.sampled_from([Seconds(20), Seconds(60)])
_bytes = st.sampled_from([Bytes(1 << 20), Bytes(1000)])
_auth: st.SearchStrategy[Literal["required", "none"]] = st.sampled_from(["required", "none"])
_tls = st.sampled_from(
    [
        None,
        Tls("/c.pem", "file:/k.pem"),
        Tls("/c.pem", "cred:key", client_ca="/ca.pem", client_auth="required"),
    ]
)
_chosen = st.lists(st.sampled_from(NAMES), unique=True)
_some = st.lists(_words, max_size=2).map(tuple)


def load(path: str, environ: Mapping[str, str], uid: int) -> Settings:
    """
    Load a configuration in the folder that we are in.

    Args:
        path: The main file.
        environ: The environment.
        uid: Who the daemon would run as.

    Raises:
        ConfigurationError: With all that is wrong.
    """
    return judge(gather(path, environ, uid, os.getcwd()))


def _table(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # Of a table a few keys are said, as an operator does.
    return st.fixed_dictionaries({}, optional=fields).map(lambda said: kind(**said))


def plugins(name: str) -> st.SearchStrategy[Plugin]:
    """
    Draw a plugin of that name.
    """
    fields: dict[str, st.SearchStrategy[Any]] = {
        "cwd": st.sampled_from(["", "/srv"]),
        "path": st.just(("/opt/bin",)),
        "env": st.dictionaries(st.sampled_from(["TZ", "LANG"]), _words, max_size=2),
        "inherit": st.just(("HOME",)),
        "enabled": st.booleans(),
        "prefix": st.sampled_from([None, "", f"{name}_"]),
        "protocol": st.sampled_from(["auto", "modern", "legacy"]),
        "share": st.sampled_from(["auto", "all", "principal", "session", "call"]),
        "workers": _table(Workers, max=_counts, total=st.integers(4, 6)),
        "concurrency": _counts,
        "tools": _table(Chosen, include=_some, exclude=_some),
        "timeouts": _table(Timeouts, call=_seconds, idle=_seconds, tools=st.just({"x y": Seconds(5)})),
        "limits": _table(WorkerLimits, memory=_bytes, processes=_counts, message=_bytes),
        "restart": _table(
            Restart,
            backoff=st.just((Seconds(0.25), Seconds(1))),
            give_up=st.just(Tries(3, Seconds(90))),
            max_calls=st.sampled_from([Count(0), Count(7)]),
            max_memory=st.sampled_from([Room(0), Room(1 << 20)]),
        ),
    }
    fields["command"] = st.lists(_words, max_size=2).map(_command).filter(_is_plain)
    said = st.fixed_dictionaries({}, optional=fields)
    return said.map(lambda keys: Plugin(**{"name": name, "command": ("program",)} | keys))


def _command(words: list[str]) -> tuple[str, ...]:
    return ("program", *words)


def _is_plain(command: tuple[str, ...]) -> bool:
    # A relative path would be another one in a file.
    return not any(word.startswith(("./", "../")) for word in command)


@st.composite
def configurations(draw: st.DrawFn) -> Settings:
    """
    Draw a configuration.
    """
    daemon = _table(
        DaemonSettings,
        state_dir=st.sampled_from(["/a", "/b"]),
        runtime_dir=st.just("/run/m"),
        public_url=st.sampled_from(["", "https://tools.example.org"]),
        log=_table(Log, level=st.sampled_from(["debug", "error"])),
        drain=_seconds,
        starts=_counts,
    )
    ports = draw(st.lists(_counts, min_size=1, max_size=2, unique=True))
    return Settings(
        daemon=evolve(draw(daemon), plugin_dir=""),
        listen=tuple(
            Listen(f"tcp:{port}:interface=127.0.0.1", tls=draw(_tls), auth=draw(_auth)) for port in ports
        ),
        limits=draw(_table(Limits, body=_bytes, queue=_counts, backlog=_counts, header_timeout=_seconds)),
        sessions=draw(_table(SessionLimits, idle=_seconds, poll=st.sampled_from([Wait(0), Wait(0.5)]))),
        rate=Rates(draw(st.sampled_from([None, Rate(1, 2)]))),
        websocket=draw(_table(SocketSettings, ping=_seconds, compression=st.booleans())),
        catalog=draw(_table(CatalogLimits, page=_counts, ttl=st.sampled_from([Wait(0), Wait(60)]))),
        plugins=tuple(draw(plugins(name)) for name in draw(_chosen)),
    )
