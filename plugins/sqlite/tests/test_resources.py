# -*- test-case-name: plugins.sqlite.tests.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.resources`: tables by their URIs.
"""

from __future__ import annotations

import base64

from mcpd.wire.template import UriTemplate
from mcpd.wire.uri import flaw
from plugins.sqlite.asking.call import Call, Fault
from plugins.sqlite.asking.resources import LISTED, PAGE, Missing, Resources
from plugins.sqlite.tests.given import Databases


class ResourcesTests(Databases):
    """
    The resources of one database and of some.
    """

    def test_list(self) -> None:
        """
        Each table of each database that can be asked is listed, and can be read by its URI.
        """
        resources = Resources(self.asking(self.base / "none.db", self.shop))
        (template,) = resources.templates()["resourceTemplates"]
        listed = resources.list(None, Call())
        self.assertEqual(len(listed["resources"]), 4)
        self.assertNotIn("nextCursor", listed)
        for resource in listed["resources"]:
            uri = resource["uri"]
            self.assertEqual(flaw(uri), "")
            self.assertTrue(UriTemplate.read(template["uriTemplate"]).matches(uri), uri)
            (content,) = resources.read(uri, Call())["contents"]
            self.assertEqual(content["uri"], uri)
            self.assertIn("CREATE", content["text"])

    def test_pages(self) -> None:
        """
        A long list comes in pages, bounded, each table once; a cursor that is none of ours is refused.
        """
        path = self.make("many.db", "".join(f"CREATE TABLE t{n} (a);" for n in range(LISTED + 5)))
        resources = Resources(self.asking(path, self.shop))
        seen: list[str] = []
        cursor = None
        while True:
            page = resources.list(cursor, Call())
            seen += [resource["uri"] for resource in page["resources"]]
            if "nextCursor" not in page:
                break
            self.assertEqual(len(page["resources"]), PAGE)
            cursor = page["nextCursor"]
        self.assertEqual((len(seen), len(set(seen))), (LISTED, LISTED))
        for wrong in ("x", "\u00e9", base64.b64encode(b"\xff\xff").decode()):
            self.assertEqual(self.assertRaises(Fault, resources.list, wrong, Call()).body["code"], -32602)

    def test_odd(self) -> None:
        """
        A table whose name not everybody takes for a segment of a path is not listed.
        """
        path = self.make("odd.db", 'CREATE TABLE ".." (a); CREATE TABLE "a\\b" (a); CREATE TABLE "a\nb" (a);')
        self.assertEqual(Resources(self.asking(path)).list(None, Call()), {"resources": []})

    def test_missing(self) -> None:
        """
        What is not there is missing, however it is written.
        """
        resources = Resources(self.asking())
        for uri in (
            "sqlite://shop/nothing",
            "sqlite://nothing/item",
            "sqlite://shop/",
            "sqlite:///item",
            "sqlite://shop",
            "sqlite://shop/item/",
            "sqlite://shop/item?x",
            "sqlite://shop/item#x",
            "sqlite://shop/%ff",
            "sqlite://shop/item%00",
            "sqlite://shop/../shop/item",
            "file:///shop/item",
            "",
        ):
            self.assertRaises(Missing, resources.read, uri, Call())
