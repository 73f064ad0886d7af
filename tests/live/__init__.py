# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests with real processes, sockets and other people's clients.
"""
