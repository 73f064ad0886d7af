# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a worker is confined: computed here, applied by the launcher in ``child``.
"""
