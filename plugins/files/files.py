# -*- test-case-name: plugins.files.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Look at the files beneath some folders: an MCP server over standard input and output.

It is run as ``python3 -I files.py ROOT...``, needs nothing but Python 3.11, and
writes nothing.  What it does is in the folder ``beneath``.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # With -I the script's own folder is not on the path; last, so that it hides nothing.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from beneath.serve import main  # type: ignore[import-not-found]  # it is by its full name

    sys.exit(main(sys.argv))
