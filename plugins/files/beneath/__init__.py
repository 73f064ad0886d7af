# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The parts of the plugin, which import each other relatively: they must work from anywhere.
"""
