# -*- test-case-name: tests.config.test_listeners -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a listener may not say, although each value is of the right type.

What a socket of systemd is bound to is known only when it is opened; it is
judged then by the same :func:`unsafe`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpd.config.addresses import Address, Endpoint, Inherited, SocketPath, read_endpoint, read_proxy
from mcpd.config.checks import read_flaws, without_nul
from mcpd.config.problem import Flaw, quoted
from mcpd.config.secrets import check_reference
from mcpd.policy.origin import HostRule, OriginRule
from mcpd.web.spec import Listen, Tls

_MODE = re.compile(r"0?[0-7]{3}\Z", re.ASCII)
_OTHERS_WRITE = 0o002
_DEFAULTS = Listen("")

ENDPOINT = (
    'must be as "tcp:8420:interface=127.0.0.1", "tcp6:8420:interface=\\\\:\\\\:1" (ports up to 65535), '
    '"unix:/run/mcpd/mcp.sock" or "systemd:domain=INET:name=mcp", or one of them after "haproxy:"'
)
HOST = 'must be as "tools.example.org", "tools.example.org:8443" or "*.example.org"'
ORIGIN = 'must be as "https://app.example.org" or "https://app.example.org:8443", without a path'
PROXY = 'must be an address as "192.0.2.1", a network as "192.0.2.0/24", or "unix"'
SERVE = 'must have "mcp", "websocket" or "health"'


def check_listen(listen: Listen) -> Iterator[Flaw]:
    """
    Check one ``[[listen]]`` table.
    """
    yield from read_flaws(read_endpoint, listen.endpoint, ("endpoint",), ENDPOINT)
    if listen.tls is not None:
        yield from _tls(listen.tls)
    if not listen.serve:
        yield Flaw(("serve",), "is empty", SERVE)
    for index, host in enumerate(listen.hosts):
        yield from read_flaws(HostRule.read, host, ("hosts", index), HOST)
    yield from _origins(listen)
    for index, proxy in enumerate(listen.proxies):
        yield from read_flaws(read_proxy, proxy, ("proxies", index), PROXY)
    yield from _trusting(listen)
    yield from _mode(listen)
    try:
        endpoint = read_endpoint(listen.endpoint)
    except ValueError:
        return
    yield from _fitting(listen, endpoint)
    if isinstance(endpoint, Address):
        yield from unsafe(listen, str(endpoint.interface), endpoint.loopback)


def unsafe(listen: Listen, where: str, loopback: bool) -> tuple[Flaw, ...]:
    """
    Tell what a listener may not be, where other machines reach it.

    Args:
        listen: What was configured.
        where: The address that it has, for the sentences.
        loopback: Whether only this machine reaches it, as by a UNIX socket.
    """
    if loopback:
        return ()
    flaws = []
    if listen.auth == "none":
        allowed = "without credentials only 127.0.0.0/8, ::1 and UNIX sockets may be listened to"
        flaws.append(Flaw(("auth",), f'is "none" on {where}', allowed))
    if listen.tls is None and not listen.plain_is_fine:
        allowed = "say tls, use loopback behind a proxy, or say plain_is_fine = true"
        flaws.append(Flaw(("tls",), f"is left out, and clear text would be served on {where}", allowed))
    return tuple(flaws)


def _tls(tls: Tls) -> Iterator[Flaw]:
    if not tls.certificate:
        yield Flaw(("tls", "certificate"), "is empty", "must be a PEM file")
    try:
        check_reference(tls.private_key)
    except ValueError as error:
        # What was written is not shown: it may be the key itself.
        yield Flaw(("tls", "private_key"), "is no reference", str(error))
    if not tls.client_ca:
        if tls.client_crl:
            yield Flaw(("tls", "client_crl"), "is said without client_ca", "say client_ca, too")
        if tls.client_auth == "required":
            allowed = "say whose certificates are accepted: client_ca"
            yield Flaw(("tls", "client_auth"), 'is "required" without client_ca', allowed)
    for key in ("certificate", "client_ca", "client_crl"):
        for flaw in without_nul(((key, getattr(tls, key)),)):
            yield Flaw(("tls", *flaw.path), flaw.wrong, flaw.allowed)


def _origins(listen: Listen) -> Iterator[Flaw]:
    for index, origin in enumerate(listen.origins):
        if origin == "*":
            allowed = "name each origin; all that lie one label below a domain are as https://*.example.org"
            yield Flaw(("origins", index), 'is "*", which is every page of the web', allowed)
        else:
            yield from read_flaws(OriginRule.read, origin, ("origins", index), ORIGIN)


def _trusting(listen: Listen) -> Iterator[Flaw]:
    """
    Find who comes without credentials through somebody else.
    """
    if listen.auth == "none" and listen.proxies:
        allowed = 'whom a proxy forwards may be anybody: leave it empty, or say auth = "required"'
        yield Flaw(("proxies",), 'is said with auth = "none"', allowed)


def _mode(listen: Listen) -> Iterator[Flaw]:
    if not _MODE.match(listen.mode):
        yield Flaw(("mode",), f"is {quoted(listen.mode)}", 'must be octal, from "0000" to "0777", as "0660"')
    elif listen.auth == "none" and int(listen.mode, 8) & _OTHERS_WRITE:
        allowed = 'must not let everybody write where auth = "none", as "0660"'
        yield Flaw(("mode",), f'is "{listen.mode}"', allowed)
    yield from without_nul((("group", listen.group),))


def _fitting(listen: Listen, endpoint: Endpoint) -> Iterator[Flaw]:
    """
    Find what does not go with the kind of the endpoint.
    """
    is_unix = isinstance(endpoint, SocketPath) or (
        isinstance(endpoint, Inherited) and endpoint.domain == "UNIX"
    )
    if not is_unix and "unix" in listen.proxies:
        index = listen.proxies.index("unix")
        yield Flaw(("proxies", index), 'is "unix" where no UNIX socket is', "must be addresses and networks")
    if not isinstance(endpoint, SocketPath):
        for key in ("mode", "group"):
            if getattr(listen, key) != getattr(_DEFAULTS, key):
                allowed = "must be left out; a socket of systemd has its own in its .socket unit"
                yield Flaw((key,), "is said of what is no unix: endpoint", allowed)
    if endpoint.proxied:
        yield from _announced(listen, is_unix)


def _announced(listen: Listen, is_unix: bool) -> Iterator[Flaw]:
    """
    Find who would be believed, or not be, in a PROXY header.
    """
    if listen.auth == "none":
        allowed = 'whom a proxy announces may be anybody: say auth = "required"'
        yield Flaw(("auth",), 'is "none" on a haproxy: endpoint', allowed)
    if is_unix and "unix" not in listen.proxies:
        yield Flaw(("proxies",), "would let nobody in", 'must have "unix" where a UNIX socket is haproxy:')
    elif not listen.proxies:
        allowed = "must have the addresses of those who may announce others on a haproxy: endpoint"
        yield Flaw(("proxies",), "is empty", allowed)
