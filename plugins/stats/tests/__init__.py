# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the plugin, which is built with sanitizers for them.
"""
