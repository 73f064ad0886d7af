# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Two plugins that serve the official conformance suite, and misbehave on demand.
"""
