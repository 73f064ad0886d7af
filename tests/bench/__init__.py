# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Programs that measure; none of them is a test.
"""
