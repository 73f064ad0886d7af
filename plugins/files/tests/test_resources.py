# -*- test-case-name: plugins.files.tests.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.resources`: URIs, the list, and what is read.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mcpd.wire.template import UriTemplate
from mcpd.wire.uri import flaw
from plugins.files.beneath.call import Fault
from plugins.files.beneath.resources import LARGEST, LISTED, PAGE, Missing, Resources
from plugins.files.tests.given import SECRET, Folders, quiet


class Given(Folders):
    """
    The resources of one root.
    """

    def setUp(self) -> None:
        """
        Make them.
        """
        super().setUp()
        self.resources = Resources(self.roots)

    def uri(self, path: str) -> str:
        """
        Tell the URI of a file beneath the root.
        """
        return f"file://{quote(str(self.docs))}/{path}"

    def listed(self, resources: Resources | None = None) -> list[str]:
        """
        Tell the names on all pages of the list.
        """
        names: list[str] = []
        cursor = None
        while True:
            page = (resources or self.resources).list(cursor, quiet())
            self.assertLessEqual(len(page["resources"]), PAGE)
            names += [resource["name"] for resource in page["resources"]]
            if "nextCursor" not in page:
                return names
            cursor = page["nextCursor"]

    def content(self, path: str) -> Any:
        """
        Read a file.
        """
        (content,) = self.resources.read(self.uri(path), quiet())["contents"]
        self.assertEqual(content.pop("uri"), self.uri(path))
        return content


class ListTests(Given):
    """
    What is listed.
    """

    def test_near(self) -> None:
        """
        The text files of a root and of its folders are listed, those deeper down are not.
        """
        self.put("LICENSE", b"text without an ending")
        self.put("data.bin", b"\x00\x01")
        self.assertEqual(self.listed(), ["docs/LICENSE", "docs/a.txt", "docs/guide/intro.md"])

    def test_hidden(self) -> None:
        """
        Hidden files, links, what is no file and names that no URI takes are left out.
        """
        for name in (".env", ".git/config", "b\\c.txt", "d\ne.txt"):
            self.put(name, b"text")
        (self.docs / os.fsdecode(b"f\xff.txt")).write_bytes(b"text")
        (self.docs / "link.txt").symlink_to(self.docs / "a.txt")
        (self.docs / "out").symlink_to(self.base / "secret")
        os.mkfifo(self.docs / "fifo")
        self.assertEqual(self.listed(), ["docs/a.txt", "docs/guide/intro.md"])

    def test_readable(self) -> None:
        """
        All that is listed can be read by its URI, fits a template, and is served by mcpd.
        """
        for name in (
            "two words.txt",
            "100%.txt",
            "a#b?c.txt",
            "{x}(1)'!.txt",
            "\u00e9\u4e2d.txt",
            "a+b&c=d.txt",
        ):
            self.put(name, name.encode())
        (template,) = self.resources.templates()["resourceTemplates"]
        page = self.resources.list(None, quiet())["resources"]
        self.assertEqual(len(page), 8)
        for resource in page:
            self.assertEqual(flaw(resource["uri"]), "")
            self.assertTrue(UriTemplate.read(template["uriTemplate"]).matches(resource["uri"]), resource)
            (content,) = self.resources.read(resource["uri"], quiet())["contents"]
            self.assertEqual(content["mimeType"], resource["mimeType"])

    def test_pages(self) -> None:
        """
        A long list is bounded and comes in pages, each file once; roots within roots list a file once, too.
        """
        for number in range(LISTED + 5):
            self.put(f"{number % 10}/{number}", b"text")
        names = self.listed(Resources(self.open("docs", "docs/1", "docs")))
        self.assertEqual((len(names), len(set(names))), (LISTED, LISTED))

    def test_cursor(self) -> None:
        """
        A cursor that is none of ours is refused.
        """
        for cursor in ("x", "\u00e9", base64.b64encode(b"\xff\xff").decode()):
            fault = self.assertRaises(Fault, self.resources.list, cursor, quiet())
            self.assertEqual(fault.body["code"], -32602)

    def test_gone(self) -> None:
        """
        A root that can't be read any more has nothing to list, and the others have.
        """
        roots = self.open("docs", "secret")
        nothing = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, nothing)
        os.dup2(nothing, roots.all[0].fd)
        self.assertEqual(self.listed(Resources(roots)), ["secret/key.txt"])


class ReadTests(Given):
    """
    What is read.
    """

    def test_text(self) -> None:
        """
        What is UTF-8 is text, of the type that its name says.
        """
        self.put("page.html", "<p>\u00e9</p>".encode())
        self.put("run.txt.gz", b"not packed at all")
        self.assertEqual(self.content("a.txt"), {"mimeType": "text/plain", "text": "one\ntwo\nthree\n"})
        self.assertEqual(self.content("page.html"), {"mimeType": "text/html", "text": "<p>\u00e9</p>"})
        self.assertEqual(self.content("run.txt.gz")["mimeType"], "text/plain")
        deep = {"mimeType": "text/markdown", "text": "hello again\n"}
        self.assertEqual(self.content("guide/more/deep.md"), deep)

    def test_blob(self) -> None:
        """
        What is not, or has a NUL byte, is a blob, and never of a type of text.
        """
        for name, content, kind in (
            ("a.png", b"\x89PNG\xff", "image/png"),
            ("b.txt", b"caf\xe9", "application/octet-stream"),
            ("c", b"a\0b", "application/octet-stream"),
        ):
            self.put(name, content)
            blob = base64.b64encode(content).decode()
            self.assertEqual(self.content(name), {"mimeType": kind, "blob": blob})

    def test_size(self) -> None:
        """
        A file that is too large is refused, and not called missing.
        """
        self.put("large", b"x" * LARGEST)
        self.assertEqual(len(self.content("large")["text"]), LARGEST)
        self.put("large", b"x" * (LARGEST + 1))
        fault = self.assertRaises(Fault, self.resources.read, self.uri("large"), quiet())
        self.assertEqual((fault.body["code"], fault.body["data"]), (-32603, {"uri": self.uri("large")}))

    def test_trouble(self) -> None:
        """
        What the system refuses is refused with a sentence, and not called missing.
        """
        fault = self.assertRaises(Fault, self.resources.read, self.uri("x" * 300), quiet())
        self.assertEqual(fault.body["code"], -32603)
        self.assertNotIn(str(self.base), fault.body["message"])

    def test_missing(self) -> None:
        """
        Nothing but a file beneath a root is there, by one path alone, however the URI is written.
        """
        (self.docs / "link.txt").symlink_to(self.base / "secret" / "key.txt")
        (self.docs / "out").symlink_to(self.base / "secret")
        (self.docs / os.fsdecode(b"f\xff.txt")).write_bytes(b"text")
        secret = f"file://{quote(str(self.base))}/secret/key.txt"
        root = self.uri("").rstrip("/")
        uris = [
            self.uri(path)
            for path in (
                *(
                    "nothing",
                    "",
                    "guide",
                    "link.txt",
                    "out/key.txt",
                    "a.txt/",
                    "a.txt/x",
                    "./a.txt",
                    "//a.txt",
                ),
                *("guide//intro.md", "guide/../a.txt", "../secret/key.txt", "%2e%2e/secret/key.txt"),
                *("guide/%2e%2e/a.txt", "%2Fa.txt", "a.txt?x", "a.txt#x", "a.txt%00", "f%FF.txt", "A.TXT"),
            )
        ]
        uris += [secret, root, "file:///", "file:///etc/passwd", "file:///docs/a.txt", "docs/a.txt", ""]
        uris += [
            "file://" + root[8:] + "/a.txt",
            f"file://localhost{self.docs}/a.txt",
            f"http://{self.docs}/a.txt",
        ]
        for uri in uris:
            try:
                read = self.resources.read(uri, quiet())
            except Missing:
                self.assertIsNone(self.resources.facts(uri), uri)
            else:
                raise self.failureException(f"{uri}: {read}")
            self.assertNotIn(SECRET, str(uri))

    def test_spelling(self) -> None:
        """
        Letters may be percent-encoded, for clients differ in which ones they do.
        """
        self.put("a (1).txt", b"text")
        for path in ("a%20(1).txt", "a%20%281%29.txt", "%61%20(1).txt"):
            self.assertEqual(self.content(path)["text"], "text")


class FactsTests(Given):
    """
    What is another when a file has changed.
    """

    def test_changes(self) -> None:
        """
        Writing, replacing and removing a file is seen; looking at it changes nothing.
        """
        uri = self.uri("a.txt")
        seen = [self.resources.facts(uri)]
        self.assertEqual(self.resources.facts(uri), seen[0])
        self.put("a.txt", b"one\ntwo\nthree\nfour\n")
        seen.append(self.resources.facts(uri))
        os.utime(self.docs / "a.txt", ns=(5, 5))
        seen.append(self.resources.facts(uri))
        self.put("new", b"one\ntwo\nthree\nfour\n")
        os.utime(self.docs / "new", ns=(5, 5))
        Path(self.docs / "new").rename(self.docs / "a.txt")
        seen.append(self.resources.facts(uri))
        (self.docs / "a.txt").unlink()
        seen.append(self.resources.facts(uri))
        self.assertIsNone(seen[-1])
        self.assertEqual(len(set(seen)), 5)
