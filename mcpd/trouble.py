# -*- test-case-name: tests.test_trouble -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What can go wrong for an operator: every kind has a stable code and a hint.

A :class:`Trouble` is a row of the one table; a :class:`Reason` is a case of it,
with the sentence that says what happened.  The documentation's page ``errors``
has a section for each code.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

PREFIX = "MCPD-E-"


class Trouble(Enum):
    """
    Every kind of trouble, with a hint at what helps.
    """

    # The daemon itself.
    CONFIG = "correct the lines that are named; mcpctl check reads the file again"
    STATE = "give each daemon its own state_dir, in a folder that its user may write"
    KEY = "a secret is one line in a file of its own that nobody else may read"
    LISTEN = "see what uses the address with ss -ltnp, or choose another one"
    STORE = "make room on the disk; if the file is broken, move it away and start again"
    # A plugin's workers.
    PROGRAM = "check the plugin's command and path"
    LAUNCH = "check the plugin's cwd and limits; the layer that failed is named"
    START = "raise timeouts.start if the plugin is slow, and try mcpctl plugin check"
    HANDSHAKE = "try mcpctl plugin check; set protocol if the plugin answers no probe"
    EXIT = "read what the plugin wrote last: mcpctl logs PLUGIN"
    LINE = "raise limits.message if the plugin's messages are that long"
    FLOOD = "raise limits.notices if the plugin has that much to tell; else tell its author"
    HUNG = "the plugin stopped answering; if its calls take long, raise timeouts.tools"
    STOPPING = "the daemon or the plugin is being stopped; start it again"
    # What mcpctl is told.
    SOCKET = "start the daemon, or name its socket with --socket"
    PEER = "ask as root, or as the user that the daemon runs as"
    REQUEST = "use the mcpctl of the daemon's version"
    PLUGIN = "mcpctl plugin list shows the names"
    TOOL = "mcpctl plugin show PLUGIN lists its tools"
    NAME = "names have 1 to 32 lower-case letters, digits and -"
    ROLE = "the only role so far is all"
    KEY_EXISTS = "choose another name, or revoke the key that has it: mcpctl key list shows them"
    KEY_UNKNOWN = "mcpctl key list shows the keys"
    KEY_FILE = "the first key is in its file: for a new one remove the file and start the daemon again"
    KEYS_FULL = "revoke the keys that nobody uses"
    CROWDED = "close other mcpctl first; each logs -f holds a connection"
    INCIDENT = "read the daemon's log of this moment, and tell mcpd's authors"
    RELOAD = "the former configuration stays; correct the lines that are named"

    @property
    def code(self) -> str:
        """
        The code: it never changes its meaning.
        """
        return PREFIX + self.name.replace("_", "-")

    @property
    def hint(self) -> str:
        """
        What helps, in one line.
        """
        return self.value


@frozen
class Reason:
    """
    Why something does not work.

    Attributes:
        trouble: Of which kind it is.
        text: What happened, in one line, for the operator.
    """

    trouble: Trouble
    text: str

    def __str__(self) -> str:
        return f"{self.trouble.code}: {self.text}"


class Troubled(Exception):
    """
    Something could not be done, for a reason that an operator may read.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason
