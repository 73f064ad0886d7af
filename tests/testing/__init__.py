# Copyright (c) mcpd contributors.  See LICENSE for details.
