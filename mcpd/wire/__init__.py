# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What goes over a wire, as values: no I/O, no clock, no reactor.
"""
