# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Servers that are not ours, each a program of its own.
"""
