# -*- test-case-name: plugins.files.tests.test_subscriptions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Who is told when which file changes, in both eras.

A client of the legacy era subscribes to one file after the other; one of the
modern era opens a stream for some (MCP 2026-07-28, "Subscriptions").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from .call import Fault, Json
from .eras import META
from .watching import Watcher

STREAMS = 32  # that are open at once
NAMED = 1000  # files of one stream that are thought about


class Subscriptions:
    """
    The subscriptions of one client.  Whoever uses it sees to it that no two threads do.
    """

    def __init__(self, watcher: Watcher, say: Callable[[Json], None]) -> None:
        self._watcher = watcher
        self._say = say
        self._subscribed: set[str] = set()
        self._streams: dict[str | int, frozenset[str]] = {}

    def __contains__(self, identity: str | int) -> bool:
        return identity in self._streams

    def subscribe(self, uri: str) -> bool:
        """
        Tell of a file from now on; gives whether there is such a file, and room.
        """
        if uri not in self._subscribed:
            if not self._watcher.add(uri):
                return False
            self._subscribed.add(uri)
        return True

    def unsubscribe(self, uri: str) -> None:
        """
        Tell of it no longer; if it was not told of, nothing happens.
        """
        if uri in self._subscribed:
            self._subscribed.remove(uri)
            self._watcher.remove(uri)

    def listen(self, identity: str | int, wanted: Any) -> None:
        """
        Open a stream, and say what it will tell.

        Args:
            identity: The id of the request, by which the stream is known.
            wanted: The request's filter.

        Raises:
            Fault: The filter is none, or too many streams are open.
        """
        if not isinstance(wanted, dict):
            raise Fault(-32602, "The params need notifications, an object.")
        uris = wanted.get("resourceSubscriptions", [])
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise Fault(-32602, "The resourceSubscriptions must be URIs.")
        if len(self._streams) >= STREAMS:
            raise Fault(-32603, "Too many streams are open; end one first.")
        # Bounded: one may name what does not exist, and each is looked for.
        named = itertools.islice(dict.fromkeys(uris), NAMED)
        watched = [uri for uri in named if self._watcher.add(uri)]
        self._streams[identity] = frozenset(watched)
        # What is not honoured is left out; lists do not tell that they changed.
        agreed = {"resourceSubscriptions": watched} if "resourceSubscriptions" in wanted else {}
        self._tell("notifications/subscriptions/acknowledged", identity, {"notifications": agreed})

    def end(self, identity: str | int) -> None:
        """
        Close a stream.
        """
        for uri in self._streams.pop(identity):
            self._watcher.remove(uri)

    def streams(self) -> tuple[str | int, ...]:
        """
        Tell which streams are open.
        """
        return tuple(self._streams)

    def changed(self, uri: str) -> None:
        """
        Tell everyone who wants to know that a file has changed.
        """
        if uri in self._subscribed:
            self._say({"method": "notifications/resources/updated", "params": {"uri": uri}})
        for identity, uris in self._streams.items():
            if uri in uris:
                self._tell("notifications/resources/updated", identity, {"uri": uri})

    def _tell(self, method: str, identity: str | int, params: Json) -> None:
        self._say({"method": method, "params": {**params, "_meta": {META + "subscriptionId": identity}}})
