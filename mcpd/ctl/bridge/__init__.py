# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The stdio bridge of ``mcpctl connect``: MCP on standard input and output, relayed over HTTP.
"""
