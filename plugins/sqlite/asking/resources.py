# -*- test-case-name: plugins.sqlite.tests.test_resources -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tables as resources: ``sqlite://DATABASE/TABLE`` is the SQL that made one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from .call import Call, Fault, Json, Refused

Asking = Callable[[str, Json, Call], Any]
"""Has a call answered; see :class:`.apart.Apart`."""

LISTED = 1000  # tables that are listed
PAGE = 250  # of them at once

_URI = re.compile(r"sqlite://([^/?#]+)/([^/?#]+)")
_TYPE = "application/sql"


class Missing(Exception):
    """
    There is no such resource.
    """


class Resources:
    """
    The tables, by their URIs.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def list(self, cursor: Any, call: Call) -> Json:
        """
        Tell a page of the tables.

        Args:
            cursor: Where the page before ended, or None.
            call: Stops it.

        Raises:
            Fault: The cursor is none of ours.
        """
        after = "" if cursor is None else _opened(cursor)
        listed = {
            f"sqlite://{database}/{quote(table, safe='')}": f"{database}.{table}"
            for database, table in self._asking("names", {}, call)[:LISTED]
            # What can't be a segment of a path in everybody's eyes is left to the tools.
            if table.isprintable() and "\\" not in table and table not in ("", ".", "..")
        }
        rest = sorted(uri for uri in listed if uri > after)
        resources = [{"uri": uri, "name": listed[uri], "mimeType": _TYPE} for uri in rest[:PAGE]]
        page: Json = {"resources": resources}
        if len(rest) > PAGE:
            page["nextCursor"] = base64.urlsafe_b64encode(rest[PAGE - 1].encode()).decode()
        return page

    def templates(self) -> Json:
        """
        Tell the only template.
        """
        template = {
            "uriTemplate": "sqlite://{database}/{table}",
            "name": "table",
            "title": "A table's definition",
            "description": "The SQL that made a table or view, and its indexes and triggers.",
            "mimeType": _TYPE,
        }
        return {"resourceTemplates": [template]}

    def read(self, uri: str, call: Call) -> Json:
        """
        Tell the SQL that made a table.

        Raises:
            Missing: There is no such table.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise Missing
        try:
            database, table = (unquote(part, errors="strict") for part in found.groups())
            text = self._asking("statements", {"database": database, "table": table}, call)
        except (UnicodeError, Refused):
            raise Missing from None
        return {"contents": [{"uri": uri, "mimeType": _TYPE, "text": text}]}


def _opened(cursor: Any) -> str:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (TypeError, ValueError, binascii.Error):
        raise Fault(-32602, "There is no such cursor.") from None
