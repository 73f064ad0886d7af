# -*- test-case-name: tests.sandbox.test_child -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The launcher: confines itself, says what holds, and becomes the plugin.

A program of its own, run as ``python -I -S mcpd/sandbox/child PARENT FILES CWD
PROGRAM ARGUMENT...`` by :mod:`mcpd.sandbox.plan`.  It imports only the standard
library and decides nothing: what to apply stands in its arguments, and what it
could not apply ends it.

Descriptor 3 is the status: one line of JSON, ``{"applied": [...]}`` before the
plugin starts, or ``{"error": "stage", "errno": 13}`` and exit status 126.  The
descriptor closes when the plugin starts, so an end of file after ``applied``
says that it runs.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

STATUS = 3
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
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


def rlimits(open_files: int) -> None:
    """
    Leave no core files, and bound the open descriptors.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))


def prctl(option: int, argument: int) -> None:
    """
    Ask the kernel for something about ourselves (prctl(2)).

    Raises:
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(argument), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), "prctl")


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
    parent, open_files, cwd, *command = arguments
    stages = (
        ("session", session),
        ("signals", signals),
        ("umask", umask),
        ("descriptors", descriptors),
        ("rlimits", lambda: rlimits(int(open_files))),
        ("pdeathsig", lambda: pdeathsig(int(parent))),
        ("no_new_privs", no_new_privs),
        ("chdir", lambda: os.chdir(cwd)),
    )
    stage = ""
    try:
        for name, apply in stages:
            stage = name
            apply()
        applied = ", ".join(f'"{name}"' for name, _ in stages)
        os.write(STATUS, b'{"applied": [%b]}\n' % applied.encode())
        stage = "exec"
        os.execve(command[0], command, os.environ)
    except OSError as error:
        os.write(STATUS, b'{"error": "%b", "errno": %d}\n' % (stage.encode(), error.errno or 0))
    return _REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
