# -*- test-case-name: tests.conformance.test_seal -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
State that a client carries for us and must not change.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from tests.conformance.call import Refused
from tests.conformance.machine import Message


class Seal:
    """
    Seals state with HMAC-SHA256.

    Args:
        key: The secret, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, state: Message) -> str:
        """
        Make the text that the client carries.
        """
        body = base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
        return f"{body}.{self._mark(body)}"

    def open(self, sealed: object) -> Message:
        """
        Read it back.

        Raises:
            Refused: It is not, to the letter, what :meth:`close` made.
        """
        body, _, mark = sealed.rpartition(".") if isinstance(sealed, str) else ("", "", "")
        # The mark is over the text, not over what it decodes to: Python's base64 ignores whatever
        # follows the padding, so a changed text can decode to the same bytes.
        if not hmac.compare_digest(mark.encode(), self._mark(body).encode()):
            raise Refused(-32602, "requestState is not ours")
        state: Message = json.loads(base64.b64decode(body, altchars=b"-_", validate=True))
        return state

    def _mark(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
