# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The kit for plugins in C and C++.  A package only so that its tests have a name of their own.
"""
