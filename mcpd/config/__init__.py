# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator wrote, read and checked.
"""
