# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.cors`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Bytes
from mcpd.web.cors import asks, permit
from mcpd.web.shield import Shield
from mcpd.web.spec import Limits
from mcpd.web.visitor import Visitors
from mcpd.wire.fault import Fault, Kind
from tests.web.stage import Answer, Stage, post, read_answers

ALLOWED = b"Access-Control-Allow-Headers"
APP, EVIL, OWN = b"https://app.example.org", b"https://evil.example.com", b"http://127.0.0.1:8420"
EXPOSED = (
    "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, "
    "RateLimit, RateLimit-Policy, X-Request-Id"
)
METHODS = (b"POST", b"GET", b"DELETE")
USUAL = (
    b"Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
    b"Last-Event-ID, X-API-Key, traceparent, tracestate"
)


def question(method: bytes = b"POST", **more: bytes) -> dict[bytes, bytes]:
    """
    Make the fields of a browser's question; more are named without what they begin with.
    """
    named = {
        f"access-control-request-{name.replace('_', '-')}".encode(): value for name, value in more.items()
    }
    return {b"origin": APP, b"access-control-request-method": method, **named}


def origin(name: bytes) -> bytes:
    """
    Write an Origin field.
    """
    return b"Origin: %b\r\n" % name


def options(name: bytes, more: bytes = b"", path: bytes = b"/mcp") -> bytes:
    """
    Write a browser's question whether a page may post.
    """
    line = b"OPTIONS %b HTTP/1.1\r\nHost: 127.0.0.1:8420\r\n" % path
    return line + origin(name) + b"Access-Control-Request-Method: POST\r\n" + more + b"\r\n"


class PreflightTests(SynchronousTestCase):
    """
    What a browser asks before a page's request.
    """

    def refuse(self, fields: dict[bytes, bytes]) -> None:
        """
        See that a question is answered with no.
        """
        with self.assertRaises(Fault, msg=str(fields)) as caught:
            permit(fields, METHODS, True)
        self.assertIs(caught.exception.kind, Kind.FORBIDDEN)
        self.assertEqual(caught.exception.headers, ())

    def test_asks(self) -> None:
        """
        It is one only with the right method and both fields.
        """
        fields = question()
        self.assertTrue(asks(b"OPTIONS", fields))
        self.assertFalse(asks(b"POST", fields))
        for name in fields:
            self.assertFalse(asks(b"OPTIONS", {key: fields[key] for key in fields if key != name}))

    def test_answer(self) -> None:
        """
        A page may send what MCP's clients send, with the methods that the path has.
        """
        for method in METHODS:
            answer = permit(question(method, headers=b"authorization,content-type"), METHODS, False)
            self.assertEqual(
                dict(answer),
                {
                    b"Access-Control-Allow-Origin": APP,
                    b"Access-Control-Allow-Methods": b"POST, GET, DELETE",
                    b"Access-Control-Allow-Headers": USUAL,
                    b"Access-Control-Max-Age": b"600",
                },
            )

    def test_usual(self) -> None:
        """
        Every usual field may be asked for, in any case, all at once.
        """
        for names in (USUAL, USUAL.lower(), USUAL.upper(), b"", b" , accept,"):
            self.assertEqual(dict(permit(question(headers=names), METHODS, False))[ALLOWED], USUAL)

    def test_params(self) -> None:
        """
        A page may mirror the arguments of tools, each by its name.
        """
        answer = dict(permit(question(headers=b"accept,Mcp-Param-City,mcp-param-a-1"), METHODS, False))
        self.assertEqual(answer[ALLOWED], USUAL + b", mcp-param-city, mcp-param-a-1")
        many = b",".join(b"mcp-param-%d" % number for number in range(32))
        self.assertTrue(dict(permit(question(headers=many), METHODS, False))[ALLOWED].endswith(b"-31"))

    def test_refused(self) -> None:
        """
        Other methods and fields are not allowed, nor so many arguments that nobody has them.
        """
        for method in (b"PUT", b"post", b"", b"*", b"POST, POST", b"OPTIONS"):
            self.refuse(question(method))
        for names in (
            b"cookie",
            b"accept,x-other",
            b"*",
            b"mcp-param-",
            b"mcp-param-a_b",
            b"mcp-param-\xff",
            b"mcp-param-a b",
            b"mcp-param-" + b"a" * 65,
            b",".join(b"mcp-param-%d" % number for number in range(33)),
        ):
            self.refuse(question(headers=names))

    def test_private_network(self) -> None:
        """
        Pages of a public network may call a private one only if that was configured, and they ask.
        """
        for asked, allowed, expected in (
            (b"true", True, b"true"),
            (b"true", False, None),
            (b"false", True, None),
        ):
            answer = dict(permit(question(private_network=asked), METHODS, allowed))
            self.assertEqual(answer.get(b"Access-Control-Allow-Private-Network"), expected)
        self.assertEqual(len(permit(question(), METHODS, True)), 4)


class BrowserTests(SynchronousTestCase):
    """
    What pages of which origin get.
    """

    def ask(self, data: bytes, stage: Stage | None = None) -> Answer:
        """
        Ask on a connection of its own.
        """
        client = (stage or Stage()).connect()
        client.send(data)
        return client.answer

    def check_allowed(self, answer: Answer) -> None:
        """
        See that a page of the allowed origin may read an answer.
        """
        self.assertEqual(answer.fields["Access-Control-Allow-Origin"], APP.decode())
        self.assertEqual(answer.fields["Access-Control-Expose-Headers"], EXPOSED)
        self.assertEqual(answer.fields["Vary"], "Origin")
        self.assertEqual(answer.fields["Cross-Origin-Resource-Policy"], "cross-origin")

    def check_closed(self, answer: Answer) -> None:
        """
        See that no page of another origin may read an answer.
        """
        self.assertEqual([name for name in answer.fields if name.startswith("Access-Control")], [])
        self.assertEqual(answer.fields["Vary"], "Origin")
        self.assertEqual(answer.fields["Cross-Origin-Resource-Policy"], "same-origin")

    def test_allowed(self) -> None:
        """
        A page of an allowed origin may read its answers, errors too, whatever is wrong.
        """
        app = origin(APP)
        refused = Stage()
        refused.echo.refusal = Fault(Kind.FORBIDDEN, "not for you")
        broken = Stage()
        broken.echo.refusal = RuntimeError("broken")
        for data, status, stage in (
            (post(fields=app), 200, None),
            (post(fields=app + b"X-Refuse: 1\r\n"), 401, None),
            (post(fields=app), 403, refused),
            (post(fields=app, path=b"/nothing"), 404, None),
            (post(fields=app).replace(b"POST", b"PUT"), 405, None),
            (post(fields=app).replace(b"POST", b"OPTIONS"), 405, None),
            (post(fields=app + b"Content-Encoding: gzip\r\n"), 415, None),
            (post(b"x" * 11, app), 413, Stage(Limits(body=Bytes(10)))),
            (post(fields=app + b"Expect: a miracle\r\n"), 417, None),
            (post(fields=app), 500, broken),
        ):
            answer = self.ask(data, stage)
            self.assertEqual(answer.status, status)
            self.check_allowed(answer)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_allow_names_methods(self) -> None:
        """
        A method that a path does not have is refused with those that it has, also if a browser sends OPTIONS.
        """
        answer = self.ask(post(fields=origin(APP)).replace(b"POST", b"OPTIONS"))
        self.assertEqual(answer.fields["Allow"], "POST")

    def test_slow(self) -> None:
        """
        A page reads why its body was refused, too.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(b"x" * 100, origin(APP))[:-100])
        stage.pass_time(40)
        self.assertEqual(client.answer.status, 408)
        self.check_allowed(client.answer)

    def test_stream(self) -> None:
        """
        A page may read an event stream.
        """
        stage = Stage()
        stage.echo.plan = lambda request, reply: reply.open()
        answer = self.ask(post(fields=origin(APP)), stage)
        self.assertEqual(answer.fields["Content-Type"], "text/event-stream")
        self.check_allowed(answer)

    def test_foreign(self) -> None:
        """
        A foreign page gets nothing, with any method, and may not read even that.
        """
        for method in (b"POST", b"GET", b"DELETE", b"OPTIONS", b"HEAD", b"PUT"):
            stage = Stage()
            client = stage.connect()
            client.send(post(fields=origin(EVIL)).replace(b"POST", method))
            (answer,) = read_answers(bytes(client.socket.taken), method == b"HEAD")
            self.assertEqual((answer.status, stage.echo.admitted), (403, []))
            self.check_closed(answer)
        answer = self.ask(options(EVIL))
        self.assertEqual(answer.status, 403)
        self.check_closed(answer)

    def test_programs(self) -> None:
        """
        Who is no page gets no permissions, but caches hear that they depend on the origin.
        """
        for data in (post(), post(path=b"/nothing"), post(fields=origin(OWN)), b"nonsense\r\n\r\n"):
            self.check_closed(self.ask(data))

    def test_one_connection(self) -> None:
        """
        What one page on a connection may does not pass to the next.
        """
        stage = Stage()
        client = stage.connect()
        for fields in (origin(APP), b"", origin(APP), origin(EVIL), origin(APP)):
            client.send(post(fields=fields))
        client.send(post(fields=origin(APP)).replace(b"127.0.0.1:8420", b"evil.example.com"))
        client.send(post(fields=origin(APP)))
        client.send(b"nonsense\r\n\r\n")
        expected = (True, False, True, False, True, False, True, False)
        for answer, allowed in zip(client.answers, expected, strict=True):
            (self.check_allowed if allowed else self.check_closed)(answer)

    def test_nothing(self) -> None:
        """
        Where no origin is configured, no answer says anything of origins, and every other page is foreign.
        """
        for data, status in (
            (post(), 200),
            (post(fields=origin(OWN)), 200),
            (post(fields=origin(APP)), 403),
            (options(APP), 403),
        ):
            answer = self.ask(data, Stage(shield=Shield.new([], [])))
            self.assertEqual(answer.status, status)
            said = {name for name in answer.fields if name == "Vary" or name.startswith("Access-Control")}
            self.assertEqual(said, set())

    def test_public_url(self) -> None:
        """
        Pages at the canonical address may call each listener.
        """
        stage = Stage(shield=Shield.new([], [], "https://app.example.org/mcp"))
        self.check_allowed(self.ask(post(fields=origin(APP)), stage))

    def test_preflight(self) -> None:
        """
        A browser that asks for a page is told what the page may send; nobody is asked for credentials.
        """
        stage = Stage()
        stage.echo.refusal = Fault(Kind.UNAUTHORIZED, "who are you?")
        for path in (b"/mcp", b"/mcp/files"):
            more = b"Access-Control-Request-Headers: authorization,mcp-param-city\r\n"
            answer = self.ask(options(APP, more, path), stage)
            self.assertEqual((answer.status, answer.body), (204, b""))
            fields = answer.fields
            self.assertEqual(fields["Access-Control-Allow-Origin"], APP.decode())
            self.assertEqual(fields["Access-Control-Allow-Methods"], "POST")
            self.assertTrue(fields["Access-Control-Allow-Headers"].endswith("tracestate, mcp-param-city"))
            self.assertEqual(fields["Access-Control-Max-Age"], "600")
            self.assertEqual(
                fields["Vary"], "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
            )
            self.assertNotIn("Access-Control-Allow-Private-Network", fields)
        self.assertEqual(stage.echo.admitted, [])

    def test_preflight_refused(self) -> None:
        """
        A page that wants more than it may is told no, and neither it nor another learns more.
        """
        answer = self.ask(options(APP, b"Access-Control-Request-Headers: cookie\r\n"))
        self.assertEqual(answer.status, 403)
        self.assertNotIn("Access-Control-Allow-Origin", answer.fields)

    def test_private_network(self) -> None:
        """
        A page of the public network may call a private one if that is configured, and caches hear of it.
        """
        shield = Shield.new([], [APP.decode()], private_network=True)
        answer = self.ask(
            options(APP, b"Access-Control-Request-Private-Network: true\r\n"), Stage(shield=shield)
        )
        self.assertEqual(answer.fields["Access-Control-Allow-Private-Network"], "true")
        self.assertTrue(answer.fields["Vary"].endswith(", Access-Control-Request-Private-Network"))

    def test_strict_transport(self) -> None:
        """
        Over TLS a named host has every answer say that TLS is to be used; in clear text nobody says it.
        """
        for secure, proxies, host, expected in (
            (True, [], b"tools.example.org", True),
            (True, [], b"127.0.0.1", False),
            (True, [], b"localhost:8421", False),
            (False, [], b"tools.example.org", False),
            (False, ["127.0.0.1"], b"tools.example.org", False),
        ):
            for fields, status in (
                (b"", 200),
                (b"X-Refuse: 1\r\n", 401),
                (origin(APP), 200),
                (origin(EVIL), 403),
            ):
                shield = Shield.new(["tools.example.org"], [APP.decode()], secure=secure)
                stage = Stage(shield=shield, visitors=Visitors.new(proxies, secure))
                data = post(fields=fields + b"X-Forwarded-Proto: https\r\n")
                answer = self.ask(data.replace(b"127.0.0.1:8420", host, 1), stage)
                self.assertEqual(answer.status, status)
                found = answer.fields.get("Strict-Transport-Security")
                self.assertEqual(found, "max-age=31536000; includeSubDomains" if expected else None)

    def test_own_origin(self) -> None:
        """
        Our own pages have our own scheme: the one of TLS, or the one that a trusted proxy says.
        """
        forwarded = b"X-Forwarded-Proto: https\r\n"
        for secure, proxies, fields, page, status in (
            (True, [], b"", b"https://127.0.0.1:8420", 200),
            (True, [], b"", b"http://127.0.0.1:8420", 403),
            (False, [], b"", b"https://127.0.0.1:8420", 403),
            (False, [], forwarded, b"https://127.0.0.1:8420", 403),
            (False, ["127.0.0.1"], forwarded, b"https://127.0.0.1:8420", 200),
            (False, ["127.0.0.1"], forwarded, b"http://127.0.0.1:8420", 403),
        ):
            stage = Stage(shield=Shield.new([], [], secure=secure), visitors=Visitors.new(proxies, secure))
            answer = self.ask(post(fields=fields + origin(page)), stage)
            self.assertEqual(answer.status, status, (secure, fields, page))

    def test_change(self) -> None:
        """
        Other rules hold from the next request on, on connections that stand, too.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(fields=origin(APP)))
        shield = Shield.new([], [EVIL.decode()])
        shield.stand("127.0.0.1")
        stage.doors.change(evolve(stage.doors.porch.site, shield=shield), Visitors.new(open=True))
        client.send(post(fields=origin(APP)))
        client.send(post(fields=origin(EVIL)))
        client.send(post(fields=b"Via: 1.1 a\r\n"))
        self.assertEqual([answer.status for answer in client.answers], [200, 403, 200, 403])
