# -*- test-case-name: plugins.files.tests -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests begin with: folders, and the plugin's parts around them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.files.beneath.call import Call, Json
from plugins.files.beneath.place import Roots
from plugins.files.beneath.search import Search
from plugins.files.beneath.tools import Files

SECRET = "nobody-may-see-this"


class Folders(SynchronousTestCase):
    """
    A root called ``docs``, with a secret beside it.

    Attributes:
        base: The folder that the root and the secret are in.
        docs: The root.
        roots: The same, opened.
    """

    def setUp(self) -> None:
        """
        Make them.
        """
        self.base = Path(self.mktemp()).absolute()
        self.docs = self.base / "docs"
        self.put("a.txt", b"one\ntwo\nthree\n")
        self.put("guide/intro.md", b"Hello world\n")
        self.put("guide/more/deep.md", b"hello again\n")
        (self.base / "secret").mkdir()
        (self.base / "secret" / "key.txt").write_text(SECRET)
        self.roots = self.open("docs")

    def put(self, path: str, content: bytes) -> None:
        """
        Write a file beneath the root.
        """
        (self.docs / path).parent.mkdir(parents=True, exist_ok=True)
        (self.docs / path).write_bytes(content)

    def open(self, *names: str) -> Roots:
        """
        Open folders of ``base`` as roots, until the test is over.
        """
        roots = Roots.open([str(self.base / name) for name in names])
        for root in roots.all:
            self.addCleanup(os.close, root.fd)
        return roots

    def files(self, roots: Roots | None = None) -> Files:
        """
        Make the files, with searches that take no time and no process.
        """
        return Files(roots or self.roots, hunt)


def hunt(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
    """
    Search in this process, at a time that stands still.
    """
    return Search(query, lambda: 0.0).run(roots)


def quiet() -> Call:
    """
    Make a call whose progress nobody hears.
    """
    return Call(lambda *_told: None)


def query(text: str, **more: Any) -> Json:
    """
    Make the arguments of a search.
    """
    plain = {"query": text, "path": "", "regex": False, "ignore_case": False, "context": 0, "limit": 100}
    return plain | more
