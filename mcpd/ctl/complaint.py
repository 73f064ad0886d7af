# -*- test-case-name: tests.ctl.test_complaint -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What goes wrong, as it is told to who runs ``mcpctl``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from mcpd.trouble import Reason


@define(eq=False)
class Complaint(Exception):
    """
    Why a command failed.

    Attributes:
        code: Stable, and a section of the documentation; empty: it has none.
        text: What happened.
        hint: What helps; empty: nobody knows.
    """

    code: str
    text: str
    hint: str

    @classmethod
    def of(cls, reason: Reason) -> Complaint:
        """
        Make one of a reason of our own.
        """
        return cls(reason.trouble.code, reason.text, reason.trouble.hint)

    @classmethod
    def told(cls, error: Mapping[str, Any]) -> Complaint:
        """
        Make one of the daemon's: the error of a JSON-RPC answer.
        """
        data = error.get("data") or {}
        return cls(str(data.get("code", "")), str(error.get("message", "")), str(data.get("hint", "")))
