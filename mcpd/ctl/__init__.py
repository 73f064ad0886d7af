# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
``mcpctl``: the operator's command.
"""
