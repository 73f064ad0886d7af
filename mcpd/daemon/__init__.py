# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The parts put together.
"""
