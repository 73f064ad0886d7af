# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.policy.forwarded`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.forwarded import HOPS, Proxies, read_hop, read_scheme


class ProxiesTests(SynchronousTestCase):
    """
    Who is believed.
    """

    def setUp(self) -> None:
        """
        Believe an address, two networks, and no UNIX socket.
        """
        self.proxies = Proxies.read(["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"])

    def test_have(self) -> None:
        """
        A proxy is who has a configured address, however the kernel writes it.
        """
        for peer, expected in {
            "192.0.2.1": True,
            "::ffff:192.0.2.1": True,
            "192.0.2.2": False,
            "10.255.0.1": True,
            "2001:db8::1": True,
            "2001:DB8:0::1": True,
            "2001:db9::1": False,
            "fe80::1%eth0": False,
            "::1": False,
            "": False,
            "unix": False,
            "tools.example.org": False,
        }.items():
            self.assertIs(self.proxies.have(peer), expected, peer)

    def test_unix(self) -> None:
        """
        Who comes through a UNIX socket is believed if that is said, and nobody else is then.
        """
        proxies = Proxies.read(["unix"])
        self.assertTrue(proxies.have(""))
        self.assertFalse(proxies.have("127.0.0.1"))

    def test_malformed(self) -> None:
        """
        A proxy that is no address and no network is refused, as is a network that has bits of a host.
        """
        for text in ("", "Unix", "10.0.0.1/8", "10.0.0", "proxy.example.org", "192.0.2.1:80", "10.0.0.0/33"):
            with self.assertRaises(ValueError, msg=text):
                Proxies.read([text])

    def test_client(self) -> None:
        """
        The client is the rightmost foreign hop: what it wrote itself stands further left.
        """
        for hops, expected in {
            "203.0.113.9": "203.0.113.9",
            "203.0.113.9, 10.0.0.1": "203.0.113.9",
            "203.0.113.9,10.0.0.1 ,\t[2001:db8::5]:443": "203.0.113.9",
            "192.0.2.7, 203.0.113.9": "203.0.113.9",
            "10.0.0.5, 203.0.113.9, 10.0.0.1": "203.0.113.9",
            "10.0.0.5, 10.0.0.1": "10.0.0.5",
            "203.0.113.9:5000": "203.0.113.9",
            "[2001:0DB9::1]:5000, 10.0.0.1:80": "2001:db9::1",
            "::ffff:203.0.113.9": "203.0.113.9",
            "": "192.0.2.1",
            "unknown": "192.0.2.1",
            "203.0.113.9, unknown, 10.0.0.1": "10.0.0.1",
            "203.0.113.9, , 10.0.0.1": "10.0.0.1",
            "203.0.113.9,": "192.0.2.1",
            "unix:, 10.0.0.1": "10.0.0.1",
        }.items():
            self.assertEqual(self.proxies.find_client("192.0.2.1", hops), expected, hops)

    def test_bounded(self) -> None:
        """
        A list without end is looked at for a while.
        """
        for count, expected in ((HOPS - 1, "203.0.113.9"), (HOPS, "10.0.0.1"), (9000, "10.0.0.1")):
            hops = "203.0.113.9" + ", 10.0.0.1" * count
            self.assertEqual(self.proxies.find_client("192.0.2.1", hops), expected, count)

    @given(st.lists(st.ip_addresses().map(str), max_size=5), st.text(max_size=100))
    def test_spoofed(self, seen: list[str], forged: str) -> None:
        """
        Whatever a client sends, it does not become somebody else.
        """
        honest = "203.0.113.9" + "".join(f", {address}" for address in seen if self.proxies.have(address))
        self.assertEqual(self.proxies.find_client("192.0.2.1", f"{forged}, {honest}"), "203.0.113.9")


class HopTests(SynchronousTestCase):
    """
    How proxies write.
    """

    def test_hops(self) -> None:
        """
        An address may have a port; all else is none.
        """
        for text, expected in {
            "192.0.2.1": "192.0.2.1",
            " 192.0.2.1\t": "192.0.2.1",
            "192.0.2.1:65535": "192.0.2.1",
            "2001:DB8:0:0::1": "2001:db8::1",
            "[2001:db8::1]": "2001:db8::1",
            "[2001:db8::1]:1": "2001:db8::1",
            "::": "::",
            "192.0.2.1:": None,
            "192.0.2.1:x": None,
            "192.0.2.1:123456": None,
            "192.0.2": None,
            "192.0.2.256": None,
            "192.0.2.01": None,
            "[2001:db8::1": None,
            "[2001:db8::1]x": None,
            "[2001:db8::1]:": None,
            "2001:db8::1]": None,
            "2001:db8": None,
            "fe80::1%eth0": None,
            "fe80::1%\x1b[31m": None,
            "[]": None,
            '"[2001:db8::1]"': None,
            "\u0661.2.3.4": None,
            "1" * 5000: None,
            "": None,
        }.items():
            self.assertEqual(read_hop(text), expected, text)

    def test_schemes(self) -> None:
        """
        The nearest proxy's word on the scheme counts, if it is one.
        """
        for text, expected in {
            "https": "https",
            "HTTP": "http",
            "http, https": "https",
            "https,http ": "http",
            "https,": None,
            "wss": None,
            "": None,
        }.items():
            self.assertEqual(read_scheme(text), expected, text)
