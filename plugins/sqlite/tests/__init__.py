# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the plugin.
"""
