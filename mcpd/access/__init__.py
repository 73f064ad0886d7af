# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Credentials become a principal.
"""
