# -*- test-case-name: plugins.files.tests.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Files as resources: their URIs, the list, and what is in one.

The URI is ``file://`` and the absolute path, which begins with a root's as the
operator wrote it: the same for two servers on one machine, and what an
operator's rules about resources name.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from .call import Call, Fault, Json, Refused
from .place import Place, Root, Roots, open_file, reach, trouble
from .walk import Walk

LISTED = 1000  # files that are listed
PAGE = 250  # of them at once
DEPTH = 2  # folders, one in another, whose files are listed
LARGEST = 2 << 20  # bytes of a file that is read as a resource
_GLANCE = 1024  # bytes that tell whether a file is text
_SCHEME = "file://"
# Registered with IANA, and not known to every Python.
_MORE = {".md": "text/markdown", ".yaml": "application/yaml", ".toml": "application/toml"}

Facts = tuple[int, int, int, int]
"""What is another when a file has changed."""


class Missing(Exception):
    """
    There is no such resource.
    """


class Resources:
    """
    The files beneath the roots, by their URIs.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def list(self, cursor: Any, call: Call) -> Json:
        """
        Tell a page of the text files near the roots.

        Args:
            cursor: Where the page before ended, or None.
            call: Stops it.

        Raises:
            Fault: The cursor is none of ours.
        """
        after = "" if cursor is None else _opened(cursor)
        listed = self._listed(call)
        rest = sorted(uri for uri in listed if uri > after)
        page: Json = {"resources": [listed[uri] for uri in rest[:PAGE]]}
        if len(rest) > PAGE:
            page["nextCursor"] = base64.urlsafe_b64encode(rest[PAGE - 1].encode()).decode()
        return page

    def templates(self) -> Json:
        """
        Tell one template for each root.
        """
        return {"resourceTemplates": [_template(root) for root in self._roots.all]}

    def read(self, uri: str, call: Call) -> Json:
        """
        Tell what is in a file: text if it is UTF-8 without a NUL, else a blob.

        Raises:
            Missing: There is no such file.
            Fault: It is too large, or may not be read.
        """
        place = self._find(uri)
        call.check()
        try:
            with reach(place) as (folder, name), open_file(folder, name) as file:
                # Bounded: a file may be of any size, and grow while it is read.
                content = file.read(LARGEST + 1)
        except (Refused, FileNotFoundError, NotADirectoryError):
            raise Missing from None
        except OSError as error:
            raise Fault(-32603, trouble(error), {"uri": uri}) from None
        if len(content) > LARGEST:
            raise Fault(-32603, f"That file has more than {LARGEST >> 20} MiB; use the tools.", {"uri": uri})
        return {"contents": [{"uri": uri, **_told(place.names[-1], content)}]}

    def facts(self, uri: str) -> Facts | None:
        """
        Tell what is another when the file has changed; None if there is none now.
        """
        try:
            with reach(place := self._find(uri)) as (folder, name):
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (Missing, OSError):
            return None
        if not place.names or not stat.S_ISREG(facts.st_mode):
            return None
        return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns

    def _find(self, uri: str) -> Place:
        if not uri.startswith(_SCHEME + "/") or "?" in uri or "#" in uri:
            raise Missing
        try:
            path = unquote(uri.removeprefix(_SCHEME), errors="strict")
            place = self._roots.find(path)
        except (UnicodeError, Refused):
            raise Missing from None
        # One path for each file: what was forbidden by its path can't be had by
        # another, such as with two slashes or a dot.
        if place is None or _path(place) != path:
            raise Missing
        return place

    def _listed(self, call: Call) -> dict[str, Json]:
        listed: dict[str, Json] = {}
        for root in self._roots.all:
            # A root that can't be read any more has nothing to list.
            with suppress(OSError):
                for place in _near(Walk(self._roots, None), root):
                    call.check()
                    uri = _SCHEME + quote(_path(place))
                    listed[uri] = {"uri": uri, "name": place.path, "mimeType": _type(place.names[-1])}
                    if len(listed) == LISTED:
                        return listed
        return listed


def _near(walk: Walk, root: Root) -> Iterator[Place]:
    """
    Find the text files near a root that are not hidden and whose names can be written in any URI.
    """
    for entry in walk.entries(Place(root, ()), DEPTH):
        names = entry.names
        # Surrogates, which stand for bytes that are not UTF-8, are not printable.
        fit = all(name.isprintable() and name[0] != "." and "\\" not in name for name in names)
        if not fit or not stat.S_ISREG(entry.facts.st_mode):
            continue
        with suppress(OSError, Refused), open_file(entry.folder, entry.name) as file:
            if b"\0" not in file.read(_GLANCE):
                yield entry.place


def _template(root: Root) -> Json:
    return {
        "uriTemplate": _SCHEME + quote(root.path.rstrip("/")) + "/{+path}",
        "name": root.name,
        "title": f"Files beneath {root.name}",
        "description": f"Any file beneath {root.name}, by its path from there; at most {LARGEST >> 20} MiB.",
    }


def _path(place: Place) -> str:
    return "/".join((place.root.path.rstrip("/"), *place.names))


def _opened(cursor: Any) -> str:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (TypeError, ValueError, binascii.Error):
        raise Fault(-32602, "There is no such cursor.") from None


@cache
def _types() -> mimetypes.MimeTypes:
    # An object of its own has Python's table alone: the same answers on every machine.
    types = mimetypes.MimeTypes()
    for ending, kind in _MORE.items():
        types.add_type(kind, ending)
    return types


def _type(name: str, otherwise: str = "text/plain") -> str:
    kind, packed = _types().guess_type(name)
    return kind if kind is not None and packed is None else otherwise


def _told(name: str, content: bytes) -> Json:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return {"mimeType": _type(name), "text": text}
    kind = "application/octet-stream"
    named = _type(name, kind)
    return {
        "mimeType": kind if named.startswith("text/") else named,
        "blob": base64.b64encode(content).decode("ascii"),
    }
