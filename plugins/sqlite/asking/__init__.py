# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The parts of the program; :mod:`.serve` puts them together.
"""
