# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.sockets`, on a reactor in memory; UNIX sockets are files in a folder of the test.
"""

from __future__ import annotations

import contextlib
import grp
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.daemon.sockets import Sockets
from mcpd.daemon.unixport import UnixPort
from mcpd.systemd import Handed
from mcpd.testing.ports import DoorReactor
from mcpd.trouble import Trouble, Troubled
from mcpd.web.spec import Listen

NONE = Handed((), "no socket was handed over")


class Taker(Protocol):
    """
    Keeps what comes.
    """

    data = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.data += data


class Stage(SynchronousTestCase):
    """
    A reactor in memory and an empty folder.
    """

    def setUp(self) -> None:
        """
        Make a folder with a short name, as sockets need it.
        """
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.reactor = DoorReactor()
        self.factory = Factory.forProtocol(Taker)
        self.factory.noisy = False

    def open(self, endpoint: str, handed: Handed = NONE, **keys: Any) -> IListeningPort:
        """
        Open a listener.
        """
        listen = Listen(endpoint, **keys)
        return Sockets(self.reactor, os.getuid(), handed).open(listen, self.factory, 7)

    def refused(self, endpoint: str, handed: Handed = NONE, **keys: Any) -> str:
        """
        See that a listener is refused, and tell why.
        """
        troubled: Troubled = self.assertRaises(Troubled, self.open, endpoint, handed, **keys)
        self.assertIs(troubled.reason.trouble, Trouble.LISTEN)
        return troubled.reason.text


class TcpTests(Stage):
    """
    Tests for TCP ports.
    """

    def test_tcp(self) -> None:
        """
        A TCP port has the backlog of the configuration, unless its endpoint says another.
        """
        self.open("tcp:8420:interface=127.0.0.1")
        self.open("tcp:8421:interface=127.0.0.1:backlog=3")
        self.open(r"tcp6:8420:interface=\:\:1")
        ports = self.reactor.ports
        self.assertEqual([ports["127.0.0.1", port].backlog for port in (8420, 8421)], [7, 3])
        self.assertIs(ports["::1", 8420].factory, self.factory)

    def test_taken(self) -> None:
        """
        A port that somebody has is refused as Twisted does it.
        """
        self.open("tcp:8420:interface=127.0.0.1")
        self.assertRaises(CannotListenError, self.open, "tcp:8420:interface=127.0.0.1")

    def test_proxied(self) -> None:
        """
        Behind haproxy: a connection is the client's that the PROXY header names.
        """
        self.open("haproxy:tcp:8420:interface=127.0.0.1", proxies=("127.0.0.1",))
        port = self.reactor.ports["127.0.0.1", 8420]
        self.assertEqual(port.backlog, 7)
        made: Any = port.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        made.makeConnection(StringTransport())
        made.dataReceived(b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\nGET")
        inner = made.wrappedProtocol
        self.assertEqual((inner.data, inner.transport.getPeer().host), (b"GET", "192.0.2.1"))


class UnixTests(Stage):
    """
    Tests for UNIX sockets of our own.
    """

    def setUp(self) -> None:
        """
        Have a place for one.
        """
        super().setUp()
        self.path = self.folder / "run" / "mcp.sock"

    def test_opened(self) -> None:
        """
        A UNIX socket has the mode and the group that were configured, in a folder that others may enter.
        """
        group = grp.getgrgid(os.getgid()).gr_name
        port = self.open(f"unix:{self.path}", mode="0640", group=group)
        self.addCleanup(self.stop, port)
        status = self.path.stat()
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_gid), (0o640, os.getgid()))
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o755)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))

    def stop(self, port: IListeningPort) -> None:
        """
        Stop listening.
        """
        port.stopListening()
        self.reactor.advance(0)

    def test_reopened(self) -> None:
        """
        A daemon finds its place again after it was killed, and not while another one listens there.
        """
        with socket.socket(socket.AF_UNIX) as stale:
            self.path.parent.mkdir(mode=0o755)
            stale.bind(str(self.path))
        self.addCleanup(self.stop, self.open(f"unix:{self.path}"))
        self.assertIn("another daemon answers", self.refused(f"unix:{self.path}"))

    def test_proxied(self) -> None:
        """
        A proxy may announce clients at a UNIX socket, too.
        """
        port: Any = self.open(f"haproxy:unix:{self.path}", proxies=("unix",))
        self.addCleanup(self.stop, port)
        self.assertIs(port.factory.wrappedFactory, self.factory)

    def test_no_group(self) -> None:
        """
        A group that does not exist is told, and nothing is opened.
        """
        self.assertIn("there is no group nonesuch", self.refused(f"unix:{self.path}", group="nonesuch"))
        self.assertFalse(self.path.exists())

    def test_impossible(self) -> None:
        """
        A place that is taken by something else, or that the kernel refuses, is told.
        """
        self.path.mkdir(parents=True)
        self.path.parent.chmod(0o755)
        self.assertIn("is not a socket", self.refused(f"unix:{self.path}"))
        self.assertIn("/proc/self/mcp.sock: ", self.refused("unix:/proc/self/mcp.sock"))


class HandedTests(Stage):
    """
    Tests for sockets that a service manager hands over.
    """

    def hand(self, given: socket.socket, *names: str) -> Handed:
        """
        Hand a socket over.
        """
        number = given.detach()
        # Whoever refuses it leaves it open.
        self.addCleanup(self.close, number)
        os.set_inheritable(number, True)
        return Handed(names or ("mcp",), first=number)

    def close(self, number: int) -> None:
        """
        Close a descriptor that may be closed.
        """
        with contextlib.suppress(OSError):
            os.close(number)

    def tcp(self, host: str = "127.0.0.1") -> socket.socket:
        """
        Make a socket that listens.
        """
        given = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        given.bind((host, 0))
        given.listen()
        return given

    def unix(self, mode: int = 0o600) -> socket.socket:
        """
        Make one that is a file.
        """
        given = socket.socket(socket.AF_UNIX)
        given.bind(str(self.folder / "mcp.sock"))
        os.chmod(self.folder / "mcp.sock", mode)
        given.listen()
        return given

    def test_tcp(self) -> None:
        """
        A TCP socket is taken by its name or its index, and no child of ours gets it.
        """
        for which in ("name=mcp", "index=0"):
            handed = self.hand(self.tcp())
            self.open(f"systemd:domain=INET:{which}", handed)
            number, family, factory = self.reactor.adoptedPorts.pop()
            self.assertEqual((number, family), (handed.first, socket.AF_INET))
            self.assertIs(factory, self.factory)

    def test_tcp6(self) -> None:
        """
        So is one of IPv6.
        """
        self.open("systemd:domain=INET6:name=mcp", self.hand(self.tcp("::1")))
        self.assertEqual(self.reactor.adoptedPorts[0][1], socket.AF_INET6)

    def test_unix(self) -> None:
        """
        A UNIX socket is taken, too, and its file is the manager's.
        """
        port = self.open("systemd:domain=UNIX:name=mcp", self.hand(self.unix()))
        assert isinstance(port, UnixPort)
        self.assertFalse(os.get_inheritable(port.fileno()))
        self.assertFalse(port.socket.getblocking())
        port.stopListening()
        self.reactor.advance(0)
        self.assertTrue((self.folder / "mcp.sock").exists())

    def test_missing(self) -> None:
        """
        A socket that was not handed over is told with the endpoint that names it.
        """
        self.assertEqual(
            self.refused("systemd:domain=INET:name=mcp"),
            "systemd:domain=INET:name=mcp: no socket was handed over",
        )
        self.assertIn('named "web"', self.refused("systemd:domain=INET:name=web", self.hand(self.tcp())))

    def test_domain(self) -> None:
        """
        A socket of another kind than the endpoint says is refused.
        """
        handed = self.hand(self.tcp())
        why = self.refused("systemd:domain=UNIX:name=mcp", handed)
        self.assertEqual(why, "the domain of systemd:domain=UNIX:name=mcp is INET, not UNIX")
        # It is left as it was, for whoever looks next.
        self.open("systemd:domain=INET:name=mcp", handed)

    def test_deaf(self) -> None:
        """
        What takes no connections is refused: datagrams, what does not listen, a connection, a file.
        """
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        for given in (socket.socket(type=socket.SOCK_DGRAM), socket.socket(), ours):
            why = self.refused("systemd:domain=INET:name=mcp", self.hand(given))
            self.assertIn("is not a socket that takes connections", why)
        number = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, number)
        self.assertIn(
            "is no socket", self.refused("systemd:domain=INET:name=mcp", Handed(("mcp",), first=number))
        )

    def test_exposed(self) -> None:
        """
        What only its address tells is judged as in the configuration: clear text and no keys beyond loopback.
        """
        handed = self.hand(self.tcp("0.0.0.0"))
        self.assertRegex(self.refused("systemd:domain=INET:name=mcp", handed), r"clear text .*0\.0\.0\.0")
        why = self.refused("systemd:domain=INET:name=mcp", handed, auth="none", plain_is_fine=True)
        self.assertRegex(why, r'auth is "none" .*0\.0\.0\.0')
        self.open("systemd:domain=INET:name=mcp", handed, plain_is_fine=True)

    def test_open_to_all(self) -> None:
        """
        A UNIX socket to which everybody may connect is refused where nobody needs a key.
        """
        self.assertIn(
            "say SocketMode=0660",
            self.refused("systemd:domain=UNIX:name=mcp", self.hand(self.unix(0o666)), auth="none"),
        )
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(b"\0mcpd-test-%d" % os.getpid())
        abstract.listen()
        self.assertIn(
            "everybody may connect",
            self.refused("systemd:domain=UNIX:name=mcp", self.hand(abstract), auth="none"),
        )

    def test_not_open(self) -> None:
        """
        One that only some may connect to, or nobody any more, is fine without a key.
        """
        self.open("systemd:domain=UNIX:name=mcp", self.hand(self.unix(0o660)), auth="none")
        (self.folder / "mcp.sock").unlink()
        given = self.unix()
        (self.folder / "mcp.sock").unlink()
        self.open("systemd:domain=UNIX:name=mcp", self.hand(given), auth="none")
