# -*- test-case-name: plugins.sqlite.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Ask SQLite databases and change nothing: an MCP server over standard input and output.

It is run as ``python3 -I sqlite.py DATABASE...``, needs nothing but Python 3.11,
and writes nothing.  What it does is in the folder ``asking``.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # With -I the script's own folder is not on the path; last, so that it hides nothing.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from asking.serve import main  # type: ignore[import-not-found]  # it is by its full name

    sys.exit(main(sys.argv[1:]))
