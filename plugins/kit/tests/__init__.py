# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the kit, with programs that are built from it.
"""
