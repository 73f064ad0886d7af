# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of the doors.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from mcpd.units import Bytes, Rate, Seconds

Served = Literal["mcp", "websocket", "health"]


@frozen
class Tls:
    """
    The ``tls`` table of a listener.

    Attributes:
        certificate: A PEM file: the certificate, then those between it and its authority.
        private_key: A reference to its key, in PEM: ``file:``, ``cred:`` or ``env:``.
        client_ca: A PEM file with the authorities of clients' certificates;
            empty: clients are not asked for one.
        client_crl: A PEM file with revocation lists of those authorities; empty: none.
        client_auth: Whether a client without a certificate is served.
    """

    certificate: str
    private_key: str
    client_ca: str = ""
    client_crl: str = ""
    client_auth: Literal["optional", "required"] = "optional"


@frozen
class Listen:
    """
    One ``[[listen]]`` table.

    Attributes:
        endpoint: A Twisted server endpoint string: ``tcp:``, ``tcp6:``, ``unix:``
            or ``systemd:``, each also behind ``haproxy:``.
        tls: Its certificate; None: clear text.
        serve: What is served there.
        auth: Whether credentials are needed; ``none`` only on loopback and UNIX sockets.
        hosts: Names that a request's Host may have, besides the canonical
            address, the listener's own address and localhost; one without a
            port matches any port.
        origins: Origins of web pages that may call, besides the listener's own.
        proxies: Peers that are believed what they say of their own clients:
            IP addresses and networks, and ``unix`` for whoever comes through a UNIX socket.
        plain_is_fine: Whether clear text beyond loopback is accepted.
        private_network: Whether pages of allowed origins may come from a
            public network to this private one.
        mode: A UNIX socket's mode, in octal.
        group: A UNIX socket's group, by name; empty: the daemon's own.
    """

    endpoint: str
    tls: Tls | None = None
    serve: tuple[Served, ...] = ("mcp", "websocket", "health")
    auth: Literal["required", "none"] = "required"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    plain_is_fine: bool = False
    private_network: bool = False
    mode: str = "0660"
    group: str = ""


@frozen
class SocketSettings:
    """
    The ``[websocket]`` table.

    Attributes:
        ping: How long a connection may be silent before it is pinged.
        pong: How long the client has to answer that.
        compression: Whether messages may be compressed (RFC 7692): secrets and
            what strangers say in one message tell each other's length then.
    """

    ping: Seconds = Seconds(30)
    pong: Seconds = Seconds(20)
    compression: bool = False


@frozen
class Rates:
    """
    The ``[rate]`` table.

    Attributes:
        messages: Messages that a client may send on one WebSocket; None: any number.
    """

    messages: Rate | None = Rate(100, 200)


@frozen
class Limits:
    """
    The ``[limits]`` table: every bound that a client may run into.

    Attributes:
        body: Bytes of one request's body.
        message: Bytes of one WebSocket message, and of what compressed ones become.
        fragments: Frames of one WebSocket message.
        message_timeout: From a WebSocket message's first frame to its end.
        controls: Control frames that a WebSocket's client may send in a second.
        tickets: Tickets for WebSockets that were given out and not used yet.
        buffered: Bytes of unfinished bodies, over all connections.
        request_line: Bytes of a request's first line.
        head: Bytes of a request's first line and header fields together.
        fields: Header fields of a request.
        connections: Connections at once, over all listeners.
        connections_per_address: Connections at once from one address; loopback is exempt.
        backlog: Connections that the kernel may hold for us.
        requests: Requests on one connection.
        connection_life: How long a connection may be kept for a next request.
        header_timeout: From a request's first byte to the end of its header fields.
        body_timeout: From there to the body's last byte.
        body_rate: Bytes a second that a body must bring after its first five seconds.
        idle_timeout: How long a connection may wait between requests.
        stall: How long a client may take nothing of what we send.
        unsent: Bytes that may wait for a client to take them.
        comment: How often a silent event stream says that it lives.
        queued: Bytes of pipelined requests that may wait on one connection.
        inflight: Exchanges at once.
        inflight_per_principal: Exchanges of one principal at once.
        streams_per_principal: Event streams that one principal may hold open
            without asking anything: a session's own (GET) and subscriptions.
        queue: Calls that may wait for one plugin's worker to be ready.
        id: Bytes of a JSON-RPC id.
        method: Bytes of a method's name.
        name: Bytes of a name as a request writes it, quotes and all; one of 128
            characters has at most 1538, each written as two escapes.
        uri: Bytes of a resource's URI, likewise.
        cursor: Bytes of a cursor.
        meta: Bytes of ``_meta``.
    """

    body: Bytes = Bytes(4 << 20)
    message: Bytes = Bytes(4 << 20)
    fragments: int = 1024
    message_timeout: Seconds = Seconds(10)
    controls: int = 10
    tickets: int = 1024
    buffered: Bytes = Bytes(256 << 20)
    request_line: Bytes = Bytes(8 << 10)
    head: Bytes = Bytes(32 << 10)
    fields: int = 100
    connections: int = 4096
    connections_per_address: int = 64
    backlog: int = 1024
    requests: int = 1000
    connection_life: Seconds = Seconds(3600)
    header_timeout: Seconds = Seconds(10)
    body_timeout: Seconds = Seconds(30)
    body_rate: Bytes = Bytes(1 << 10)
    idle_timeout: Seconds = Seconds(75)
    stall: Seconds = Seconds(30)
    unsent: Bytes = Bytes(4 << 20)
    comment: Seconds = Seconds(15)
    queued: Bytes = Bytes(64 << 10)
    inflight: int = 512
    inflight_per_principal: int = 128
    streams_per_principal: int = 64
    queue: int = 256
    id: int = 128
    method: int = 128
    name: int = 2048
    uri: int = 2048
    cursor: Bytes = Bytes(1 << 10)
    meta: Bytes = Bytes(16 << 10)
