# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A router with a plugin that does as it is told, and ways back that remember.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
