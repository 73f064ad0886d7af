# -*- test-case-name: plugins.files.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The two eras of MCP: what a request needs, and how its result is dressed.

A request with a protocol version in its ``_meta`` is of the modern era
(2026-07-28) and stands alone; others are of the legacy era and need an
``initialize`` before them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .call import Fault, Json

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
ABOUT = {"name": "files", "title": "Files", "version": "1.1.0"}


@dataclass(frozen=True)
class Request:
    """
    A request, read and of one era.

    Attributes:
        id: Its id.
        method: What is wanted.
        params: Its parameters.
        meta: Their ``_meta``.
        modern: Whether it is of the modern era.
    """

    id: str | int
    method: str
    params: Json
    meta: Json
    modern: bool

    @classmethod
    def of(cls, identity: str | int, method: str, params: object) -> Request:
        """
        Find its era, and check its envelope if that has one.

        Raises:
            Fault: It is no request of either era.
        """
        if not isinstance(params, dict):
            raise Fault(-32602, "The params must be an object.")
        meta = params.get("_meta", {})
        if not isinstance(meta, dict):
            raise Fault(-32602, "The _meta must be an object.")
        modern = method == "server/discover" or META + "protocolVersion" in meta
        if modern:
            _check(meta)
        return cls(identity, method, params, meta, modern)

    def dress(self, result: Json) -> Json:
        """
        Add what a result of the modern era has besides.
        """
        if not self.modern:
            return result
        return {"resultType": "complete", **result, "_meta": {META + "serverInfo": ABOUT}}

    def keep(self, result: Json, milliseconds: int, scope: str = "public") -> Json:
        """
        Say how long a result may be kept and for whom, where the era knows that.

        MCP 2026-07-28, "Caching".
        """
        return result | {"ttlMs": milliseconds, "cacheScope": scope} if self.modern else result


def chosen(params: Json) -> str:
    """
    Choose the version that an ``initialize`` is answered in.

    Raises:
        Fault: It asks for none.
    """
    version = params.get("protocolVersion")
    if not isinstance(version, str):
        raise Fault(-32602, "The params need a protocolVersion, a string.")
    return version if version in LEGACY else LEGACY[-1]


def _check(meta: Json) -> None:
    version = meta.get(META + "protocolVersion")
    if not isinstance(version, str):
        raise Fault(-32602, f"The _meta needs {META}protocolVersion, a string.")
    if not isinstance(meta.get(META + "clientCapabilities"), dict):
        raise Fault(-32602, f"The _meta needs {META}clientCapabilities, an object.")
    if version != MODERN:
        data = {"supported": [MODERN], "requested": version}
        raise Fault(-32022, "That protocol version is not spoken here.", data)
