# -*- test-case-name: tests.live.test_scan -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What two scanners say of a TLS server: sslyze, and testssl.sh as Debian has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.live.environment import python
from tests.live.process import Ended, finish
from tests.live.program import program

NAME = "tools.example.org"
"""
Which of its names a server is scanned by: one that HSTS is sent for.
"""

EXCUSED = {
    "cert_revocation": "a private authority gives its certificates no address of a CRL or of OCSP",
    "engine_problem": "it is this machine's OpenSSL that can't speak GOST",
    "sessionresumption_ticket": "its client often leaves before a ticket of TLS 1.3 is read; sslyze waits",
}
"""What testssl.sh may complain of, by its ids, and why."""

EXPECTED = frozenset(
    {
        *("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "ALPN"),
        *("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW"),
        *("cipherlist_3DES_IDEA", "cipherlist_AVERAGE", "cipherlist_STRONG"),
        *("cipher_order", "protocol_negotiated", "cipher_negotiated", "PFS", "PFS_ECDHE_curves"),
        *("sessionresumption_ticket", "cert_signatureAlgorithm", "cert_keySize", "cert_trust"),
        *("cert_chain_of_trust", "cert_expirationStatus", "HSTS_time", "X-Content-Type-Options"),
        *("heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego"),
        *("CRIME_TLS", "BREACH", "POODLE_SSL", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST"),
        *("LUCKY13", "RC4", "scanTime"),
    }
)
"""What testssl.sh has to have come to, by its ids."""

ALL = ("-p", "-s", "-P", "-f", "-S", "-h", "-U")
"""
What testssl.sh looks at: protocols, kinds of suites, preferences, forward secrecy, certificate and
extensions, headers, vulnerabilities.  Left out is what judges nothing: simulated clients, and each suite
by itself.
"""

SUITES = ("-s", "-L")
"""As above: kinds of suites, and what their padding gives away."""

_FINE = ("OK", "INFO")
# Seconds.
_QUICK, _LONG, _CONNECTION = 60.0, 175.0, 10


@frozen
class Compliance:
    """
    What sslyze says.

    Attributes:
        ended: How it ended.
        told: What it found, by what it looked for.
    """

    ended: Ended
    told: Mapping[str, Any]


async def compliance(reactor: Any, port: int, authority: Path, out: Path) -> Compliance:
    """
    Compare a server on 127.0.0.1 with Mozilla's intermediate configuration, and try to resume sessions.

    Args:
        reactor: The reactor.
        port: Its port.
        authority: Whom to trust.
        out: A file that is not there yet.

    Raises:
        SkipTest: sslyze can't be installed.
    """
    interpreter = await python(reactor, "sslyze", "sslyze", "6.3.1")
    options = ("--mozilla_config=intermediate", "--resum", "--certinfo_ca_file", str(authority))
    target = f"{NAME}:{port}{{127.0.0.1}}"
    command = (interpreter, "-m", "sslyze", *options, "--json_out", str(out), target)
    ended = await finish(reactor, command, _QUICK)
    try:
        (server,) = json.loads(out.read_text())["server_scan_results"]
    except (OSError, ValueError) as why:
        raise AssertionError(ended.said) from why
    return Compliance(ended, server["scan_result"] or {})


async def findings(
    reactor: Any, port: int, authority: Path, out: Path, parts: Sequence[str] = ALL
) -> Sequence[Mapping[str, str]]:
    """
    Tell what testssl.sh finds at a server on 127.0.0.1; it asks nobody else.

    Args:
        reactor: The reactor.
        port: Its port.
        authority: Whom to trust.
        out: A file that is not there yet.
        parts: What it looks at.

    Raises:
        SkipTest: It is not installed.
    """
    ways = ("--nodns", "none", "--ip", "127.0.0.1", "--warnings", "off", "--color", "0", "--quiet")
    bounds = ("--connect-timeout", str(_CONNECTION), "--openssl-timeout", str(_CONNECTION))
    files = ("--add-ca", str(authority), "--jsonfile", str(out))
    url = f"https://{NAME}:{port}/readyz"
    ended = await finish(reactor, (program("testssl"), *ways, *bounds, *files, *parts, url), _LONG)
    try:
        found: Sequence[Mapping[str, str]] = json.loads(out.read_text())
    except (OSError, ValueError) as why:
        raise AssertionError(ended.said) from why
    return found


def wrong(found: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """
    Tell what is wrong, by id: what is LOW or worse, what could not be tried, and nothing that is excused.

    LOW is too much already, since suites in CBC mode are no more than that.
    """
    return {
        each["id"]: f"{each['severity']}: {each['finding']}"
        for each in found
        if each["severity"] not in _FINE and each["id"] not in EXCUSED
    }


def unseen(found: Sequence[Mapping[str, str]]) -> frozenset[str]:
    """
    Tell what the scanner did not come to.
    """
    return EXPECTED - {each["id"] for each in found}
