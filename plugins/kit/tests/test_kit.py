# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the kit with programs made of it: in C, in C++, and with sanitizers.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.kit.tests import misuse
from plugins.kit.tests.program import LONG, META, MODERN_META, Conversation, Json, built

HERE = Path(__file__).resolve().parent
_CALLS = 32  # that run or wait


class SpokenTests(misuse.Bearing):
    """
    A plugin in C.
    """

    folder, name = HERE, "spoken"


class SpokenAsanTests(SpokenTests):
    """
    The same, watched by AddressSanitizer, LeakSanitizer and UBSan.
    """

    asan = True


class WrappedAsanTests(misuse.Bearing):
    """
    A plugin in C++, watched as well.
    """

    folder, name, asan = HERE, "wrapped", True


class ToolCase(Conversation):
    """
    Calls, and what becomes of them.
    """

    folder, name, asan = HERE, "spoken", True

    def begin(self, tool: str, identity: Any, **meta: Any) -> None:
        """
        Send a call and wait for nothing.
        """
        self.say("tools/call", identity, name=tool, _meta={**MODERN_META, **meta})


class AnswerTests(ToolCase):
    """
    What a tool may answer.
    """

    def test_listed(self) -> None:
        """
        Tools are listed as they were declared.
        """
        echo, say = self.tools()[:2]
        self.assertEqual((echo["title"], echo["outputSchema"]), ("Echo", {"type": "object"}))
        self.assertEqual(echo["annotations"], {"readOnlyHint": True})
        self.assertEqual(echo["inputSchema"]["properties"]["word"], {"enum": ["a", "b", 1]})
        self.assertEqual(say["description"], 'Says it, and "too".')
        self.assertEqual(set(say), {"name", "description", "inputSchema"})

    def test_structured(self) -> None:
        """
        Structured content comes with a text of it, in both eras, and in the words of each.
        """
        given = {"ratio": 0.1, "free": {"ä": [None, 2**53, -1.5e300]}}
        modern = self.call("echo", given)
        self.greet()
        legacy = self.call("echo", given, modern=False)
        self.assertEqual(modern.pop("resultType"), "complete")
        self.assertIn(META + "serverInfo", modern.pop("_meta"))
        self.assertEqual(modern, legacy)
        text = '{"ratio":0.1,"free":{"ä":[null,9007199254740992,-1.5e300]}}'
        self.assertEqual(
            legacy,
            {"content": [{"type": "text", "text": text}], "isError": False, "structuredContent": given},
        )

    def test_texts(self) -> None:
        """
        Texts are told in their order; a call without arguments has none.
        """
        told = self.call("say", {"text": "ä\n\u2028"})
        self.assertEqual([item["text"] for item in told["content"]], ["ä\n\u2028", "too"])
        self.assertNotIn("structuredContent", told)
        answer = self.ask("tools/call", name="echo", _meta=MODERN_META)
        self.assertEqual(answer["result"]["structuredContent"], {})

    def test_failed(self) -> None:
        """
        A tool that fails says why, and nothing else.
        """
        failed = self.call("fail", {})
        self.assertEqual(failed["content"], [{"type": "text", "text": "It cannot be: 42."}])
        self.assertTrue(failed["isError"])

    def test_bytes(self) -> None:
        """
        Bytes that are not UTF-8 are replaced one by one, and good ones are left alone.
        """
        lost = [1, 2, 3, 4, 3, 4, 1, 2]
        self.assertEqual(
            self.give("bytes")["text"], "|".join(["aä€😀", *("\ufffd" * count for count in lost)])
        )

    def test_printed(self) -> None:
        """
        What a tool prints is the operator's to read, and what it reads is not the client's words.
        """
        self.assertEqual(self.call("print", {})["content"][0]["text"], "nothing to read")
        self.assertEqual(self.stderr.readline(), b"printed\n")
        self.assertEqual(self.close(), b"")

    def test_large(self) -> None:
        """
        An answer of 4 MiB arrives; a larger one becomes a clean error.
        """
        self.assertEqual(len(self.call("swell", {"size": 4_000_000})["content"][0]["text"]), 4_000_000)
        self.assertIn("more than 4 MiB", self.refuse("swell", size=5_000_000))
        self.close()


class ArgumentTests(ToolCase):
    """
    Arguments and the tool's schema.
    """

    def test_good(self) -> None:
        """
        Arguments that fit are handed on as they are.
        """
        good: Json = {"text": "äöü", "count": 9, "ratio": 0.5, "flag": False, "word": 1, "any": None}
        good |= {"list": [1, 2], "deep": {"x": [], "y": 1}, "free": [1.5]}
        self.assertEqual(self.give("echo", **good), good)

    def test_bad(self) -> None:
        """
        Arguments that do not fit never reach the tool, and a model is told what to mend.
        """
        for arguments, sentence in (
            ({"text": 1}, "arguments.text must be of type string."),
            ({"text": ""}, "arguments.text must be at least 1 characters long."),
            ({"text": "äöüß"}, "arguments.text must be at most 3 characters long."),
            ({"count": 0}, "arguments.count must be at least 1."),
            ({"count": 10}, "arguments.count must be at most 9."),
            ({"count": 5.0}, "arguments.count must be of type integer."),
            ({"count": True}, "arguments.count must be of type integer."),
            ({"ratio": 0.51}, "arguments.ratio must be at most 0.5."),
            ({"ratio": "1"}, "arguments.ratio must be of type number."),
            ({"flag": 0}, "arguments.flag must be of type boolean."),
            ({"word": "c"}, 'arguments.word must be one of ["a","b",1].'),
            ({"any": 1}, "arguments.any is of none of its types."),
            ({"list": []}, "arguments.list must be at least 1 items long."),
            ({"list": [1, 2, 3]}, "arguments.list must be at most 2 items long."),
            ({"list": [1, "2"]}, "arguments.list[1] must be of type integer."),
            ({"deep": {}}, 'arguments.deep must have "x".'),
            ({"deep": []}, "arguments.deep must be of type object."),
            ({"deep": {"x": 1}}, "arguments.deep.x must be of type array."),
            ({"other": 1}, "arguments.other is unknown."),
        ):
            self.assertEqual(self.refuse("echo", **arguments), sentence)
        self.assertTrue(self.refuse("echo", **{"x" * 1_000_000: 1}).endswith("is unknown."))
        self.assertEqual(self.refuse("say"), 'arguments must have "text".')
        self.close()


class CancelTests(ToolCase):
    """
    Calls that take long.
    """

    def test_cancelled(self) -> None:
        """
        A call tells its progress while others are heard, and is cancelled without an answer.
        """
        self.begin("wait", 1, progressToken="token")
        first, second = self.hear()["params"], self.hear()["params"]
        self.assertEqual(first, {"progressToken": "token", "progress": 1, "message": "waiting"})
        self.assertGreater(second["progress"], first["progress"])
        self.say("notifications/cancelled", requestId="1")
        self.say("notifications/cancelled", requestId=1)
        self.begin("echo", 2)
        while "id" not in (answer := self.hear()):
            self.assertEqual(answer["params"]["progressToken"], "token")
        self.assertEqual(answer["id"], 2)
        self.assertEqual(self.close(), b"")

    def test_queued(self) -> None:
        """
        A call that waits can be cancelled as well, and one without a token tells no progress.
        """
        self.begin("wait", 1)
        self.begin("echo", 2, progressToken=None)
        self.begin("echo", 3)
        self.say("notifications/cancelled", requestId=2)
        self.say("notifications/cancelled", requestId=1)
        self.assertEqual(self.hear()["id"], 3)

    def test_twice(self) -> None:
        """
        An id that is under way is refused to another call, which costs the first one nothing.
        """
        self.begin("deaf", "a", progressToken=1)
        self.assertEqual(self.hear()["params"], {"progressToken": 1, "progress": 1, "total": 4})
        self.begin("echo", "a")
        answer = self.hear()
        self.assertEqual((answer["id"], answer["error"]["code"]), ("a", -32600))

    def test_too_many(self) -> None:
        """
        A call beyond what may wait is told to try again, cancelled ones counted.
        """
        for identity in range(100, 100 + _CALLS):
            self.begin("wait", identity)
        for identity in range(101, 100 + _CALLS):
            self.say("notifications/cancelled", requestId=identity)
        self.begin("echo", 1)
        answer = self.hear()
        self.assertEqual((answer["id"], answer["result"]["isError"]), (1, True))
        self.say("notifications/cancelled", requestId=100)
        self.stderr.readline()
        while self.call("echo", {})["isError"]:
            pass
        self.close()

    def test_end(self) -> None:
        """
        At the end of input what can end does, and what was asked is answered.
        """
        self.begin("echo", 1)
        self.begin("wait", 2)
        self.begin("echo", 3)
        self.assertEqual(self.hear()["id"], 1)
        self.assertEqual(self.close(), b"")

    def test_deaf(self) -> None:
        """
        A tool that hears nothing keeps no process alive when its client has gone.
        """
        self.begin("deaf", 1)
        self.assertEqual(self.close(), b"")

    def test_unread(self) -> None:
        """
        A client that reads nothing and goes is no reason to stay.
        """
        self.say("tools/call", 1, name="swell", arguments={"size": 1_000_000}, _meta=MODERN_META)
        self.stdin.close()
        self.assertEqual(self.process.wait(LONG), 0)


class WrappedTests(ToolCase):
    """
    The same in C++.
    """

    name = "wrapped"

    def test_returned(self) -> None:
        """
        An object is structured content, a string is text, and other JSON is its text.
        """
        given = {"ä": [0.1, 1e300, -(2**63), None], "x": {}}
        self.assertEqual(self.give("echo", **given), given)
        self.assertEqual(self.call("text", {})["content"], [{"type": "text", "text": "a text"}])
        self.assertEqual(self.call("list", {})["content"][0]["text"], '[1,"\ufffd"]')
        self.close()

    def test_thrown(self) -> None:
        """
        A failure is told; any other exception is the operator's to read.
        """
        self.assertEqual(self.refuse("fail"), "It cannot be.")
        self.assertEqual(self.refuse("break"), "The tool failed; its log says why.")
        self.assertIn(b"break: ", self.stderr.readline())
        self.close()

    def test_cancelled(self) -> None:
        """
        A call tells its progress and hears that it is cancelled.
        """
        self.begin("wait", 1, progressToken=0)
        self.assertEqual(self.hear()["params"], {"progressToken": 0, "progress": 1, "message": "waiting"})
        self.say("notifications/cancelled", requestId=1)
        self.assertNotIn(b'"id"', self.close())


class BuildTests(SynchronousTestCase):
    """
    What an author is told.
    """

    def test_faulty(self) -> None:
        """
        Tools that are declared wrongly are named, all of them, and nothing is served.
        """
        ended = subprocess.run([built(HERE, "faulty", True)], capture_output=True, timeout=LONG, check=False)
        self.assertEqual((ended.returncode, ended.stdout), (70, b""))
        for name in (b"a tool", b"list", b"broken", b"open", b"torn"):
            self.assertIn(b"The tool " + name + b" is not served: ", ended.stderr)

    def build(self, **variables: str) -> str:
        """
        Build the tests' program as the daemon's own Makefile builds plugins.
        """
        command = [str(HERE.parent / "build"), str(HERE)]
        environment = {**os.environ, "MAKEFLAGS": " ".join(f"{k}={v}" for k, v in variables.items())}
        ended = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LONG, check=False
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def test_lacking(self) -> None:
        """
        A plugin that lacks something here is left out with one sentence, and that is no error.
        """
        built(HERE, "spoken", False)
        self.assertEqual(self.build(), "")
        for variables, sentence in (
            ({"CC": "no-such-cc"}, "there is no C compiler no-such-cc (Debian: gcc, libc6-dev)"),
            ({"NAME": "wrapped", "CXX": "no-such-cxx"}, "there is no C++ compiler no-such-cxx (Debian: g++)"),
            (
                {"PACKAGES": "no-such-library"},
                "there is no library no-such-library (Debian: the package with no-such-library.pc)",
            ),
        ):
            self.assertEqual(self.build(**variables), f"{HERE} is not built: {sentence}.\n")
