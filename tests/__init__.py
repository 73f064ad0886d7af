# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tests, floor by floor as the packages are.
"""
