# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Makes ``twistd mcpd`` known.
"""

from twisted.application.service import ServiceMaker

mcpd = ServiceMaker("mcpd", "mcpd.tap", "The system daemon for the Model Context Protocol.", "mcpd")
