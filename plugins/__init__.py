# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The example plugins; each stands alone.
"""
