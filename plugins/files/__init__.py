# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin that looks at files.  A package only so that its tests have a name of their own.
"""
