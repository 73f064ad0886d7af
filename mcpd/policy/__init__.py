# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Rules about who may do what: pure, no I/O, no clock of their own.
"""
