# -*- test-case-name: tests.daemon.test_sockets -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Opening what an endpoint says: a TCP port, a UNIX socket, or what systemd hands over.
"""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.protocols.haproxy import proxyEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from mcpd.config.addresses import Address, Inherited, SocketPath, read_endpoint
from mcpd.config.listeners import unsafe
from mcpd.daemon.unixport import UnixPort, bind
from mcpd.store.socketfile import prepare
from mcpd.systemd import Handed, NotHanded
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.web.spec import Listen

_PROXIED = "haproxy:"
_BACKLOG = ":backlog="
_DOMAINS = {"INET": socket.AF_INET, "INET6": socket.AF_INET6, "UNIX": socket.AF_UNIX}
# Who may write to a socket's file may connect (unix(7)).
_OTHERS_WRITE = 0o002
# Others have to reach a socket's file; who may connect its own mode says.
_FOLDER = 0o755


@frozen(eq=False)
class Sockets:
    """
    Opens listeners.
    """

    _reactor: Any
    _uid: int
    _handed: Handed

    def open(self, listen: Listen, factory: IProtocolFactory, backlog: int) -> IListeningPort:
        """
        Listen where an endpoint says.

        Args:
            listen: What was configured; its endpoint is one that the configuration took.
            factory: Makes our side of connections; behind ``haproxy:`` they begin
                once they are made, and have the client's address with the first bytes.
            backlog: Connections that the kernel may hold; of a socket that was
                handed over its unit says how many.

        Raises:
            Troubled: LISTEN, it can't be listened there.
            CannotListenError: Likewise, of a TCP port.
        """
        endpoint = read_endpoint(listen.endpoint)
        opening: IStreamServerEndpoint
        match endpoint:
            case Address():
                text = listen.endpoint.removeprefix(_PROXIED)
                more = "" if _BACKLOG in text else f"{_BACKLOG}{backlog}"
                opening = serverFromString(self._reactor, text + more)
            case SocketPath():
                opening = _Opening(partial(self._make, endpoint.path, listen, backlog))
            case _:
                opening = _Opening(partial(self._adopt, endpoint, listen))
        if endpoint.proxied:
            opening = proxyEndpoint(opening)
        return _now(opening.listen(factory))

    def _make(self, path: str, listen: Listen, backlog: int, factory: IProtocolFactory) -> IListeningPort:
        prepare(path, self._uid, "endpoint", _FOLDER)
        try:
            listening = bind(path, int(listen.mode, 8), _group(listen.group), backlog)
        except OSError as error:
            raise _trouble(f"{path}: {error.strerror}") from error
        return _listening(UnixPort(listening, factory, self._reactor, own=True))

    def _adopt(self, endpoint: Inherited, listen: Listen, factory: IProtocolFactory) -> IListeningPort:
        which: Any = endpoint.index if endpoint.name is None else endpoint.name
        try:
            number = self._handed.find(which)
        except NotHanded as why:
            raise _trouble(f"{listen.endpoint}: {why}") from why
        taken = _take(number, f"descriptor {number}, which {listen.endpoint} names,")
        try:
            _judge(taken, endpoint.domain, listen)
        except Troubled:
            taken.detach()
            raise
        taken.setblocking(False)
        os.set_inheritable(number, False)
        if taken.family is socket.AF_UNIX:
            return _listening(UnixPort(taken, factory, self._reactor, own=False))
        # It listens at a copy; the manager has another one, in which clients wait
        # while nobody of us runs.
        with taken:
            port: IListeningPort = self._reactor.adoptStreamPort(number, taken.family, factory)
        return port


@implementer(IStreamServerEndpoint)
@frozen
class _Opening:
    """
    What Twisted has no endpoint for.
    """

    _open: Callable[[IProtocolFactory], IListeningPort]

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        return execute(self._open, factory)


def _now(listening: Deferred[IListeningPort]) -> IListeningPort:
    # An endpoint of ours is bound, or fails, at once.
    ports: list[IListeningPort] = []
    failures: list[Failure] = []
    listening.addCallbacks(ports.append, failures.append)
    if failures:
        failures[0].raiseException()
    return ports[0]


def _group(name: str) -> int:
    if not name:
        return -1
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise _trouble(f"there is no group {name}") from None


def _listening(port: UnixPort) -> IListeningPort:
    port.startListening()
    return port


def _take(number: int, name: str) -> socket.socket:
    try:
        taken = socket.socket(fileno=number)
    except OSError as error:
        raise _trouble(f"{name} is no socket: {error.strerror}") from error
    listens = taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if taken.type is not socket.SOCK_STREAM or not listens:
        taken.detach()
        raise _trouble(f"{name} is not a socket that takes connections: ListenStream= and Accept=no make one")
    return taken


def _judge(taken: socket.socket, domain: str, listen: Listen) -> None:
    # What the configuration could not know.
    if taken.family is not _DOMAINS.get(domain):
        found = next((name for name, family in _DOMAINS.items() if family is taken.family), "unknown")
        raise _trouble(f"the domain of {listen.endpoint} is {found}, not {domain}")
    where: Any = taken.getsockname()
    if taken.family is socket.AF_UNIX:
        if listen.auth == "none" and _open_to_all(where):
            raise _trouble(f'auth is "none", and everybody may connect to {where!r}: say SocketMode=0660')
        return
    # An address of IPv6 may name its interface after a percent sign.
    loopback = ip_address(where[0].partition("%")[0]).is_loopback
    for flaw in unsafe(listen, where[0], loopback):
        raise _trouble(f"{'.'.join(map(str, flaw.path))} {flaw.wrong}; {flaw.allowed}")


def _open_to_all(where: str | bytes) -> bool:
    # One with an abstract name has no mode: everybody may connect.
    try:
        return isinstance(where, bytes) or bool(os.stat(where).st_mode & _OTHERS_WRITE)
    except OSError:
        return False  # Its file is gone: nobody can.


def _trouble(text: str) -> Troubled:
    return Troubled(Reason(Trouble.LISTEN, text))
