# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of the plugin; none but test_process starts a process.
"""
