# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Programs that the live tests run as clients, with packages of their own.
"""
