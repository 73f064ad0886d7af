# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The system daemon for the Model Context Protocol.

The packages are floors: each imports only from the floors below it.
``docs/house.rst`` draws them and ``tests/test_floors.py`` holds them.
"""

__version__ = "0.1.0"
