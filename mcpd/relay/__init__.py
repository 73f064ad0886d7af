# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Between clients and workers: exchanges, the catalog, the two client eras.
"""
