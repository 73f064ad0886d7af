# -*- test-case-name: tests.admin.test_verbs -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The daemon as the admin socket sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from mcpd.journal import Journal
from mcpd.store.keys import KeyRecord
from mcpd.workers.state import PluginState


@frozen
class Status:
    """
    How the daemon fares.

    Attributes:
        version: Its version.
        pid: Its process id.
        uptime: Seconds since it was started.
        ready: Whether clients may come.
        addresses: Where it listens.
        sessions: Sessions of legacy clients.
        streams: Event streams that clients hold open.
        exchanges: Requests that plugins work on.
        plugins: Its plugins, in the order of the configuration.
    """

    version: str
    pid: int
    uptime: float
    ready: bool
    addresses: tuple[str, ...]
    sessions: int
    streams: int
    exchanges: int
    plugins: tuple[PluginState, ...]


class Setting(Protocol):
    """
    One value of the configuration that is in force.

    Attributes:
        key: Its dotted key.
        value: The value as TOML writes it.
        origin: ``built in``, ``FILE:LINE``, ``environment NAME`` or ``development defaults``.
        secret: Whether the value is nobody's to see; then it leaves the daemon masked.
    """

    @property
    def key(self) -> str: ...  # noqa: D102  described above

    @property
    def value(self) -> str: ...  # noqa: D102

    @property
    def origin(self) -> str: ...  # noqa: D102

    @property
    def secret(self) -> bool: ...  # noqa: D102


@frozen
class Reloaded:
    """
    What came of a configuration that was read again.

    Attributes:
        added: Names of plugins that are new, or enabled now.
        removed: Names of those that are gone, or disabled now.
        changed: Names of those that are configured otherwise.
        waits: Dotted keys whose new values only a new start can bring.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    waits: tuple[str, ...]


class Keys(Protocol):
    """
    The API keys; :class:`mcpd.store.keys.Keys` are the real ones, and describe these methods.
    """

    def all(self) -> Sequence[KeyRecord]: ...  # noqa: D102

    def create(self, name: str, now: float, entropy: Callable[[int], bytes]) -> Deferred[str]: ...  # noqa: D102

    def revoke(self, name: str, now: float) -> Deferred[None]: ...  # noqa: D102


class Overseen(Protocol):
    """
    A daemon, as an operator may look at it and change it.

    Cancelling a Deferred of ``call`` cancels the call; no other is cancelled.

    Attributes:
        journal: What was told of late.
        keys: The API keys.
    """

    @property
    def journal(self) -> Journal: ...  # noqa: D102  described above

    @property
    def keys(self) -> Keys: ...  # noqa: D102

    def status(self) -> Status:
        """
        Tell how it fares.
        """

    def tools(self, plugin: str) -> Sequence[str]:
        """
        Tell the public names of a plugin's tools, as they are served; none if there is no such plugin.
        """

    def restart(self, plugin: str) -> Deferred[None]:
        """
        Replace a plugin's workers; one that was given up is tried again.

        Args:
            plugin: The name of one that ``status`` tells.

        Returns:
            Fires when a new worker is ready; fails with
            :class:`mcpd.trouble.Troubled`.
        """

    def configuration(self) -> Sequence[Setting]:
        """
        Tell the configuration that is in force.
        """

    def call(self, path: bytes, message: bytes, caller: str) -> Deferred[bytes]:
        """
        Put one MCP request, as a client would (:func:`mcpd.admin.inner.ask` does it).

        Args:
            path: The path that it would have come to: ``/mcp`` or ``/mcp/NAME``.
            message: A JSON-RPC request of the modern era.
            caller: The principal's name.

        Returns:
            Fires with the JSON-RPC answer, an error of the protocol being one, too.
        """

    def reload(self, *, dry: bool) -> Deferred[Reloaded]:
        """
        Read the configuration again, and do what it says.

        Args:
            dry: Only tell what would be done.

        Returns:
            Fires when it is done; fails with :class:`mcpd.trouble.Troubled`
            (RELOAD), whose text has every problem on a line of its own.
        """
