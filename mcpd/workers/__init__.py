# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The plugins: their processes and the conversation with each.
"""
