# -*- test-case-name: tests.config.test_addresses -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.addresses`.
"""

from __future__ import annotations

from ipaddress import ip_address

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.addresses import (
    Address,
    Inherited,
    SocketPath,
    anchor_endpoint,
    check_url,
    read_endpoint,
    read_proxy,
)


class EndpointTests(SynchronousTestCase):
    """
    Tests for endpoint strings.
    """

    def test_read(self) -> None:
        """
        An endpoint string tells where it listens, written as Twisted writes it.
        """
        for text, interface, port in (
            ("tcp:8420", "0.0.0.0", 8420),
            ("tcp:port=8420:interface=127.0.0.1", "127.0.0.1", 8420),
            ("tcp:0:interface=127.0.0.1:backlog=5", "127.0.0.1", 0),
            (r"tcp:8420:interface=\:\:1", "::1", 8420),
            ("tcp6:65535", "::", 65535),
            (r"tcp6:8420:interface=\:\:1", "::1", 8420),
        ):
            self.assertEqual(read_endpoint(text), Address(ip_address(interface), port), text)

    def test_unix(self) -> None:
        """
        A UNIX socket has a path, in which colons, equals signs and backslashes are escaped.
        """
        for text, path in (
            ("unix:/run/mcpd/mcp.sock", "/run/mcpd/mcp.sock"),
            (r"unix:/run/a\:b\=c\\d", r"/run/a:b=c\d"),
            ("unix:/run/../srv//mcp.sock", "/srv/mcp.sock"),
            (f"unix:/{'a' * 106}", f"/{'a' * 106}"),
            (f"unix:/{'é' * 53}", f"/{'é' * 53}"),
        ):
            self.assertEqual(read_endpoint(text), SocketPath(path), text)

    def test_systemd(self) -> None:
        """
        A socket of systemd's has a name or a number.
        """
        for text, domain, name, index in (
            ("systemd:domain=INET:name=mcp", "INET", "mcp", None),
            ("systemd:name=a b=c:domain=INET6", "INET6", "a b=c", None),
            ("systemd:domain=UNIX:index=0", "UNIX", None, 0),
            ("systemd:domain=UNIX:index=12", "UNIX", None, 12),
        ):
            self.assertEqual(read_endpoint(text), Inherited(domain, name, index), text)

    def test_proxied(self) -> None:
        """
        Each may have a proxy before it that announces its clients.
        """
        for text in ("tcp:1", "tcp6:1", "unix:/a", "systemd:domain=INET:name=a"):
            self.assertFalse(read_endpoint(text).proxied)
            self.assertEqual(read_endpoint(f"haproxy:{text}"), evolve(read_endpoint(text), proxied=True))

    def test_refused(self) -> None:
        """
        What Twisted could not use, or would take for something else, is refused.
        """
        for text in (
            "",
            "8420",
            "tcp",
            "tcp:",
            "tcp:http",
            "tcp:-1",
            "tcp:65536",
            "tcp:1:2:3:4",
            "tcp:1:color=blue",
            "tcp:1:interface=localhost",
            "tcp:1:interface=::1",
            "tcp:1\\",
            "tcp6:x",
            "TCP:1",
            "ssl:443",
            "tls:443",
            "stdio:",
            "haproxy:",
            "haproxy:8420",
            "haproxy:haproxy:tcp:1",
            "unix",
            "unix:",
            "unix:mcp.sock",
            "unix:/run/",
            "unix:/run/mcp.sock:mode=660",
            "unix:/run/mcp.sock:lockfile=0",
            "unix:/run/mcp.sock:660",
            "unix:address=/run/mcp.sock",
            "unix:/run/mcp.sock\\",
            "unix:/run/\0mcp.sock",
            "unix:\0mcp",
            f"unix:/{'a' * 107}",
            f"unix:/{'é' * 54}",
            "systemd",
            "systemd:",
            "systemd:domain=INET",
            "systemd:name=a",
            "systemd:INET:0",
            "systemd:domain=INET:name=a:index=0",
            "systemd:domain=INET:name=a:name=b",
            "systemd:domain=INET:name=a:color=blue",
            "systemd:domain=inet:name=a",
            "systemd:domain=IPX:name=a",
            "systemd:domain=INET:name=",
            "systemd:domain=INET:name=a\\b",
            "systemd:domain=INET:name=a\n",
            "systemd:domain=INET:name=é",
            f"systemd:domain=INET:name={'a' * 256}",
            "systemd:domain=INET:index=-1",
            "systemd:domain=INET:index=10000",
            "systemd:domain=INET:index=x",
            "systemd:domain=INET:index=٣",
        ):
            self.assertRaises(ValueError, read_endpoint, text)

    def test_loopback(self) -> None:
        """
        Only what no other machine can reach is loopback.
        """
        for interface, loopback in (
            ("127.0.0.1", True),
            ("127.255.0.9", True),
            (r"\:\:1", True),
            ("0.0.0.0", False),
            ("128.0.0.1", False),
            ("192.168.0.1", False),
            (r"\:\:", False),
            (r"\:\:ffff\:127.0.0.1", False),
            (r"fe80\:\:1", False),
        ):
            self.assertEqual(read_endpoint(f"tcp:1:interface={interface}").loopback, loopback, interface)
        self.assertTrue(read_endpoint("unix:/a").loopback)
        self.assertTrue(read_endpoint("systemd:domain=UNIX:name=a").loopback)

    def test_unknown(self) -> None:
        """
        Of an Internet socket that systemd has opened nobody knows before it is handed over.
        """
        for domain in ("INET", "INET6"):
            self.assertIsNone(read_endpoint(f"systemd:domain={domain}:name=a").loopback)

    def test_collisions(self) -> None:
        """
        Two listeners collide at one port of one address, or of one and all of its family, and at one socket.
        """
        for one, other, collide in (
            ("tcp:1:interface=127.0.0.1", "tcp:1:interface=127.0.0.1", True),
            ("tcp:1", "tcp:1:interface=127.0.0.1", True),
            ("tcp:1:interface=127.0.0.2", "tcp:1:interface=127.0.0.1", False),
            ("tcp:1", "tcp:2", False),
            ("tcp:0", "tcp:0", False),
            ("tcp:1", "tcp6:1", False),
            ("tcp6:1", r"tcp6:1:interface=\:\:1", True),
            ("tcp:1", "haproxy:tcp:1", True),
            ("unix:/a", "unix:/b/../a", True),
            ("unix:/a", "haproxy:unix:/a", True),
            ("unix:/a", "unix:/b", False),
            ("unix:/a", "tcp:1", False),
            ("systemd:domain=INET:name=a", "systemd:domain=INET6:name=a", True),
            ("systemd:domain=INET:name=a", "systemd:domain=INET:name=b", False),
            ("systemd:domain=INET:index=0", "systemd:domain=INET:index=00", True),
            ("systemd:domain=INET:index=0", "systemd:domain=INET:index=1", False),
            ("systemd:domain=INET:index=0", "systemd:domain=INET:name=a", False),
            ("systemd:domain=UNIX:index=0", "unix:/a", False),
        ):
            self.assertEqual(read_endpoint(one).collides(read_endpoint(other)), collide, (one, other))
            self.assertEqual(read_endpoint(other).collides(read_endpoint(one)), collide, (other, one))


class AnchorTests(SynchronousTestCase):
    """
    Tests for relative paths of UNIX sockets.
    """

    def test_relative(self) -> None:
        """
        A relative path starts at the folder, whatever letters that has; an absolute one stays.
        """
        for text, folder, path in (
            ("unix:mcp.sock", "/run", "/run/mcp.sock"),
            ("unix:../mcp.sock", "/run/a:b=c", "/run/mcp.sock"),
            ("unix:mcp.sock", r"/run/a:b=c\d", r"/run/a:b=c\d/mcp.sock"),
            (r"unix:a\:b", "/run", "/run/a:b"),
            ("unix:/mcp.sock", "/run", "/mcp.sock"),
        ):
            self.assertEqual(read_endpoint(anchor_endpoint(text, folder)), SocketPath(path), text)
            proxied = read_endpoint(anchor_endpoint(f"haproxy:{text}", folder))
            self.assertEqual(proxied, SocketPath(path, proxied=True))

    def test_others(self) -> None:
        """
        What has no path, and what is refused anyway, stays as it is written.
        """
        for text in (
            "",
            "tcp:1",
            "unix",
            "unix:",
            "haproxy:unix:",
            "unix:a:mode=660",
            "unix:a\\",
            "x:unix:a",
        ):
            self.assertEqual(anchor_endpoint(text, "/run"), text)


class ProxyTests(SynchronousTestCase):
    """
    Tests for who is believed about its clients.
    """

    def test_good(self) -> None:
        """
        An address, a network and whoever comes through a UNIX socket can be.
        """
        for text, network in (
            ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("::1", "::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ):
            self.assertEqual(str(read_proxy(text)), network)
        self.assertIsNone(read_proxy("unix"))

    def test_refused(self) -> None:
        """
        Nothing else can, nor what would never be met.
        """
        for text in (
            "",
            "localhost",
            "192.0.2.1:80",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "192.0.2",
            "3221225985",
            "[::1]",
            "fe80::1%eth0",
            "::ffff:192.0.2.1",
            "2001:db8::1/32",
            "UNIX",
        ):
            self.assertRaises(ValueError, read_proxy, text)


class UrlTests(SynchronousTestCase):
    """
    Tests for the canonical address.
    """

    def test_good(self) -> None:
        """
        An http or https URL, with or without port and path, is one.
        """
        for text in (
            "https://a.example",
            "http://127.0.0.1:8420",
            "https://[::1]:1/a/b",
            "https://a.example/",
        ):
            check_url(text)

    def test_refused(self) -> None:
        """
        Anything else is none.
        """
        for text in (
            "",
            "a.example",
            "//a.example",
            "https:a.example",
            "https://",
            "https:///a",
            "wss://a.example",
            "https://a.example?",
            "https://a.example/#",
            "https://u@a.example",
            "https://a.example:0",
            "https://a.example:x",
            "https://a b.example",
            "https://a.example/a b",
            "https://a.example/\n",
            "https://a.example/ü",
        ):
            self.assertRaises(ValueError, check_url, text)
