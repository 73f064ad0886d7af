# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.far`.
"""

from __future__ import annotations

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._newclient import RequestNotSent
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import Far, Reply, Target, Unreached, _Said
from mcpd.ctl.bridge.valve import Valve
from tests.ctl.bridge.stage import FarSide, Sink


class FarTests(SynchronousTestCase):
    """
    Tests for :class:`Far`.
    """

    def setUp(self) -> None:
        """
        Have a far side with a secret.
        """
        self.side = FarSide()
        self.target = Target(b"http://far/mcp", ((b"Authorization", b"Bearer secret"),))
        self.far = Far(self.side, self.target, Valve(), 100)

    def _ask(self, body: bytes | None = b"{}") -> Deferred[Reply]:
        method = b"GET" if body is None else b"POST"
        return Deferred.fromCoroutine(self.far.ask(method, ((b"Mcp-Name", b"x"),), body))

    def test_ask(self) -> None:
        """
        A request has what MCP wants of each, what was given for this one, and the credentials.
        """
        asking = self._ask()
        (asked,) = self.side.asked
        self.assertEqual((asked.method, asked.url, asked.body), (b"POST", b"http://far/mcp", b"{}"))
        self.assertEqual(asked.field("Accept"), "application/json, text/event-stream")
        self.assertEqual(asked.field("Content-Type"), "application/json")
        self.assertEqual((asked.field("Mcp-Name"), asked.field("Authorization")), ("x", "Bearer secret"))
        asked.answer({"a": 1}, fields={"Mcp-Session-Id": "s"})
        reply = self.successResultOf(asking)
        self.assertEqual((reply.status, reply.kind), (200, b"application/json"))
        self.assertEqual((reply.field(b"Mcp-Session-Id"), reply.field(b"Location")), (b"s", None))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(reply.whole())), b'{"a": 1}')
        self.assertNotIn("secret", repr(self.target))

    def test_no_body(self) -> None:
        """
        A request for a stream has no body, and a response need not have a type.
        """
        asking = self._ask(None)
        self.assertIsNone(self.side.last.field("Content-Type"))
        self.side.last.answer(status=405)
        reply = self.successResultOf(asking)
        self.assertEqual((reply.status, reply.kind), (405, b""))
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(reply.drop())))

    def test_unreached(self) -> None:
        """
        A far side that is not there is told apart from one that broke off.
        """
        for why in (None, DNSLookupError("no far"), RequestNotSent()):
            asking = self._ask()
            self.side.last.fail(why)
            unreached = self.failureResultOf(asking, Unreached).value
            self.assertTrue(unreached.passing)
            self.assertIn("can't be reached", str(unreached))

    def test_no_trust(self) -> None:
        """
        A far side that does not prove who it is gets nothing, and is not asked again.
        """
        rows = [("SSL routines", "", "certificate verify failed"), ("", "", "")]
        for why, said in (
            (TLSError(rows), "certificate verify failed"),
            (TLSError(), "it broke off"),
            (VerificationError([]), "names another host"),
        ):
            asking = self._ask()
            self.side.last.fail(ResponseNeverReceived([Failure(why)]))
            unreached = self.failureResultOf(asking, Unreached).value
            self.assertFalse(unreached.passing)
            self.assertIn(said, str(unreached))

    def test_cut(self) -> None:
        """
        Of a connection that breaks off nobody knows what became of the request.
        """
        for why in (ResponseNeverReceived([Failure(ConnectionLost())]), RequestTransmissionFailed([])):
            asking = self._ask()
            self.side.last.fail(why)
            self.failureResultOf(asking, Cut)

    def test_cancel(self) -> None:
        """
        Who gives up hangs up, however the connection takes it.
        """
        asking = self._ask()
        asking.cancel()
        self.assertTrue(self.side.last.gone)
        self.failureResultOf(asking)

    def test_said(self) -> None:
        """
        A request's body is sent at once.
        """
        sink, said = Sink(), _Said(b"{}")
        verifyObject(IBodyProducer, said)
        self.assertFalse(IConsumer.providedBy(sink))
        self.assertIsNone(self.successResultOf(said.startProducing(sink)))  # type: ignore[arg-type]
        said.pauseProducing()
        said.resumeProducing()
        said.stopProducing()
        self.assertEqual((sink.text, said.length), (b"{}", 2))
