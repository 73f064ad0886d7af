# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The doors: how a client comes in.
"""
