# -*- test-case-name: tests.sandbox.test_child -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The launcher: confines itself, says what holds, and becomes the plugin.

A program of its own, run as ``python -I -S mcpd/sandbox/child PARENT LIMITS CWD
PROGRAM ARGUMENT...`` by :mod:`mcpd.sandbox.plan`; LIMITS are ``NAME=VALUE,...``.
It imports only the standard library and decides nothing: what to apply stands
in its arguments, and what it could not apply ends it.

Descriptor 3 is the status: one line of JSON, ``{"applied": [...]}`` before the
plugin starts, or ``{"error": "stage", "errno": 13}`` and exit status 126.  Only
``bounding`` may be missing from what was applied: an unprivileged user can't.  The
descriptor closes when the plugin starts, so an end of file after ``applied``
says that it runs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys

STATUS = 3
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
# capget(2): version 3 has 64 capabilities, in three sets of two words.
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES, _WORDS = 64, 6
_REFUSED = 126


class Orphaned(OSError):
    """
    The daemon died before its death could be noticed.
    """


def session() -> None:
    """
    Lead a session and a process group of our own, so that the whole tree can be signalled.
    """
    os.setsid()


def descriptors() -> None:
    """
    Close everything but the standard three and the status.
    """
    os.closerange(STATUS + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.set_inheritable(STATUS, False)


def signals() -> None:
    """
    Undo what Python ignores and what the daemon may have blocked: both survive an exec.
    """
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def umask() -> None:
    """
    Let the plugin's files be its own.
    """
    os.umask(0o077)


def rlimits(limits: str) -> None:
    """
    Set what bounds each process; what is bounded more tightly already stays so.
    """
    for limit in limits.split(","):
        name, _, value = limit.partition("=")
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        most = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(number, (most, most))


def libc(name: str, *arguments: object) -> int:
    """
    Call a function of the C library.

    Raises:
        OSError: The kernel refused.
    """
    result: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def prctl(option: int, argument: int) -> int:
    """
    Ask the kernel for something about ourselves (prctl(2)).

    Raises:
        OSError: The kernel refused.
    """
    return libc("prctl", option, *(ctypes.c_ulong(each) for each in (argument, 0, 0, 0)))


def bounding() -> bool:
    """
    Empty the bounding set: nothing below us, and no program of root's, can have a capability again.

    Returns:
        Whether it is empty: without CAP_SETPCAP it can't be changed.
    """
    for capability in range(_CAPABILITIES):
        try:
            if prctl(_PR_CAPBSET_READ, capability):
                prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            # The kernel has fewer; else it does not let us.
            return error.errno == errno.EINVAL
    return True


def capabilities() -> None:
    """
    Empty the ambient, effective, permitted and inheritable sets.

    Raises:
        OSError: The kernel refused.
    """
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * _WORDS)()
    libc("capget", header, sets)
    # Some systemd units forbid capset, which an ordinary user does not need.
    if any(sets):
        libc("capset", header, (ctypes.c_uint32 * _WORDS)())


def pdeathsig(parent: int) -> None:
    """
    Die with the daemon.

    Raises:
        Orphaned: It is dead already, so the kernel will not tell.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise Orphaned


def no_new_privs() -> None:
    """
    Gain nothing from set-user-id programs, here and in every child.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def main(arguments: list[str]) -> int:
    """
    Apply every layer in order, and become the plugin.

    Returns:
        The exit status, if it could not.
    """
    parent, limits, cwd, *command = arguments
    # The bounding set goes first: it takes a capability to change it.
    stages = (
        ("session", session),
        ("signals", signals),
        ("umask", umask),
        ("descriptors", descriptors),
        ("rlimits", lambda: rlimits(limits)),
        ("bounding", bounding),
        ("capabilities", capabilities),
        ("pdeathsig", lambda: pdeathsig(int(parent))),
        ("no_new_privs", no_new_privs),
        ("chdir", lambda: os.chdir(cwd)),
    )
    stage, applied = "", []
    try:
        for name, apply in stages:
            stage = name
            if apply() is not False:
                applied.append(f'"{name}"')
        os.write(STATUS, b'{"applied": [%b]}\n' % ", ".join(applied).encode())
        stage = "exec"
        os.execve(command[0], command, os.environ)
    except OSError as error:
        os.write(STATUS, b'{"error": "%b", "errno": %d}\n' % (stage.encode(), error.errno or 0))
    return _REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
