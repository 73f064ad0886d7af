# -*- test-case-name: tests.ctl.bridge.test_agent -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the bridge connects: over TCP, over TLS that is verified, or to a UNIX socket.

Redirects are not followed and no proxy is asked: credentials go to the address
that was given, and to nobody else.
"""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

CONNECT = 10.0
"""Seconds that a connection may take to be made."""

KEPT = 8
"""Connections that are kept for the next request."""

# Shorter than servers keep them (five seconds, by two that are widely used):
# or a request would meet a connection that is just being closed.
_IDLE = 3.0
_END = b"-----END CERTIFICATE-----"


class NoAuthority(Exception):
    """
    A text holds no certificate.
    """


@implementer(IAgentEndpointFactory)
@define(eq=False)
class _Socket:
    _reactor: Any
    _path: str

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return UNIXClientEndpoint(self._reactor, self._path, timeout=CONNECT)


def agent(reactor: Any, socket: str | None, authority: bytes | None) -> IAgent:
    """
    Make what asks.

    Args:
        reactor: The reactor.
        socket: The path of a UNIX socket, wherever the address leads; None: as the address says.
        authority: Certificates in PEM to trust, and no others; None: those that the system trusts.

    Raises:
        NoAuthority: That is no certificate.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = KEPT
    pool.cachedConnectionTimeout = _IDLE  # type: ignore[assignment]  # it is handed to callLater
    # What may be done twice is our affair.
    pool.retryAutomatically = False
    if socket is not None:
        there: IAgent = Agent.usingEndpointFactory(reactor, _Socket(reactor, socket), pool)
        return there
    trusted = None if authority is None else trustRootFromCertificates(_certificates(authority))
    return Agent(reactor, BrowserLikePolicyForHTTPS(trusted), connectTimeout=CONNECT, pool=pool)


def _certificates(text: bytes) -> list[Certificate]:
    blocks = text.split(_END)[:-1]
    try:
        found = [Certificate.loadPEM(block + _END) for block in blocks]
    except Exception:
        found = []
    if not found:
        raise NoAuthority
    return found
