# -*- test-case-name: tests.config.test_addresses -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.addresses`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.addresses import check_url, read_endpoint


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
            address = read_endpoint(text)
            self.assertEqual((str(address.interface), address.port), (interface, port), text)

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
            "unix:/run/mcpd.sock",
            "systemd:domain=INET:index=0",
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

    def test_collisions(self) -> None:
        """
        Two listeners collide at one port of one address, or of one and all of its family.
        """
        for one, other, collide in (
            ("tcp:1:interface=127.0.0.1", "tcp:1:interface=127.0.0.1", True),
            ("tcp:1", "tcp:1:interface=127.0.0.1", True),
            ("tcp:1:interface=127.0.0.2", "tcp:1:interface=127.0.0.1", False),
            ("tcp:1", "tcp:2", False),
            ("tcp:0", "tcp:0", False),
            ("tcp:1", "tcp6:1", False),
            ("tcp6:1", r"tcp6:1:interface=\:\:1", True),
        ):
            self.assertEqual(read_endpoint(one).collides(read_endpoint(other)), collide, (one, other))
            self.assertEqual(read_endpoint(other).collides(read_endpoint(one)), collide, (other, one))


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
