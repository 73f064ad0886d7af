# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What survives a restart.
"""
