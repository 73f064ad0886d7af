# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin in C++.  A package only so that its tests have a name of their own.
"""
