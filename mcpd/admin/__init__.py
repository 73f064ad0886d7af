# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The admin socket: a door for operators on this machine.
"""
