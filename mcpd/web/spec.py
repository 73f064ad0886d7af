# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of the doors.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from mcpd.units import Bytes, Seconds

Served = Literal["mcp", "health"]


@frozen
class Listen:
    """
    One ``[[listen]]`` table.

    Attributes:
        endpoint: A Twisted server endpoint string: ``tcp:`` or ``tcp6:``.
        serve: What is served there.
        auth: Whether credentials are needed; ``none`` only on loopback.
        hosts: Names that a request's Host may have, besides the canonical
            address, the listener's own address and localhost; one without a
            port matches any port.
        origins: Origins of web pages that may call, besides the listener's own.
        plain_is_fine: Whether clear text beyond loopback is accepted.
    """

    endpoint: str
    serve: tuple[Served, ...] = ("mcp", "health")
    auth: Literal["required", "none"] = "required"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    plain_is_fine: bool = False


@frozen
class Limits:
    """
    The ``[limits]`` table: every bound that a client may run into.

    Attributes:
        body: Bytes of one request's body.
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
