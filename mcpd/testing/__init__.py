# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The fakes that mcpd ships for tests of its parts.
"""
