# -*- test-case-name: tests.admin.test_verbs -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator can ask, and what is done for it.

A verb takes ``params``, which may have no members but its own, and gives a
value for JSON.  Each change is told as an event when it is over, failed or not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import Attribute, asdict, define, field, frozen
from msgspec import DecodeError, Raw, Struct, json

from mcpd.admin.overseen import Overseen
from mcpd.events import AdminAsked, Publisher
from mcpd.journal import MOST, Line
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.wire.revision import MODERN
from mcpd.workers.state import PluginState

ROLES = ("all",)
"""The roles that a key can have."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z", re.ASCII)
_MASK = "***"
_SHOWN = 80
_COMPARED = 1000
_OURS = "io.modelcontextprotocol/"
_META = {
    f"{_OURS}protocolVersion": MODERN.name,
    f"{_OURS}clientInfo": {"name": "mcpctl", "version": "1"},
    f"{_OURS}clientCapabilities": {},
}


class _Params(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Named(_Params, frozen=True):
    name: str


class _Change(_Params, frozen=True):
    name: str
    dry: bool = False


class _Creation(_Params, frozen=True):
    name: str
    role: str = "all"
    dry: bool = False


class _Again(_Params, frozen=True):
    dry: bool = False


class _Lines(_Params, frozen=True):
    count: int
    plugin: str = ""
    follow: bool = False


class _ToolCall(_Params, frozen=True):
    tool: str
    arguments: dict[str, Raw] = {}


@frozen(eq=False)
class Visit:
    """
    One connection of an operator.

    Attributes:
        who: The principal's name.
        tell: Sends a line of the journal.
        leave: What is called when it hangs up; a list, to be added to.
    """

    who: str
    tell: Callable[[Line], None]
    leave: list[Callable[[], None]] = field(factory=list)


Verb = Callable[[Visit, Any], Awaitable[Any]]


@define(eq=False)
class Verbs:
    """
    Every verb, and the daemon that it is about.
    """

    _overseen: Overseen
    _publisher: Publisher
    _now: Callable[[], float]
    _entropy: Callable[[int], bytes]
    _verbs: dict[str, tuple[type[_Params], Verb]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._verbs = {
            "status": (_Params, self._status),
            "plugin": (_Named, self._plugin),
            "logs": (_Lines, self._logs),
            "config": (_Params, self._config),
            "call": (_ToolCall, self._call),
            "restart": (_Change, self._restart),
            "reload": (_Again, self._reload),
            "key list": (_Params, self._key_list),
            "key create": (_Creation, self._key_create),
            "key revoke": (_Change, self._key_revoke),
        }

    def changes(self, verb: str) -> bool:
        """
        Say whether a verb changes something: then it goes on though who asked for it goes.
        """
        return self._verbs.get(verb, (_Params,))[0] in (_Change, _Creation, _Again)

    async def ask(self, visit: Visit, verb: str, params: bytes) -> Any:
        """
        Do what an operator asks for.

        Args:
            visit: Who asks.
            verb: For what.
            params: An object as JSON.

        Returns:
            A value for JSON.

        Raises:
            Troubled: It can't be; REQUEST: it can't be understood.
        """
        if verb not in self._verbs:
            raise _request("the daemon does not know this verb")
        shape, do = self._verbs[verb]
        try:
            read = json.decode(params, type=shape)
        except DecodeError as wrong:
            raise _request(str(wrong)) from None
        return await do(visit, read)

    # Looking.

    async def _status(self, visit: Visit, params: _Params) -> Any:
        return asdict(self._overseen.status(), value_serializer=_readable)

    async def _plugin(self, visit: Visit, params: _Named) -> Any:
        state = self._find(params.name)
        tools = list(self._overseen.tools(params.name))
        return {**asdict(state, value_serializer=_readable), "tool_names": tools}

    async def _logs(self, visit: Visit, params: _Lines) -> Any:
        if params.plugin:
            self._find(params.plugin)
        if not 0 <= params.count <= MOST:
            raise _request(f"count must be from 0 to {MOST}")
        journal = self._overseen.journal
        if params.follow:
            # Bounded: one is enough for a connection.
            if visit.leave:
                raise _request("this connection follows already")
            visit.leave.append(journal.follow(visit.tell, params.plugin))
        return [asdict(line) for line in journal.last(params.count, params.plugin)]

    async def _config(self, visit: Visit, params: _Params) -> Any:
        return [
            {"key": each.key, "value": _MASK if each.secret else each.value, "origin": each.origin}
            for each in self._overseen.configuration()
        ]

    async def _key_list(self, visit: Visit, params: _Params) -> Any:
        return [
            {
                "name": record.key.name,
                "role": record.role,
                "created": record.created,
                "revoked": record.revoked,
                "file": record.file,
            }
            for record in self._overseen.keys.all()
        ]

    # Trying.

    async def _call(self, visit: Visit, params: _ToolCall) -> Any:
        plugins = self._overseen.status().plugins
        names = [name for plugin in plugins for name in self._overseen.tools(plugin.name)]
        if params.tool not in names:
            raise Troubled(Reason(Trouble.TOOL, _unknown("tool", params.tool, names)))
        asked = {"name": params.tool, "arguments": params.arguments, "_meta": _META}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
        return Raw(await self._overseen.call(b"/mcp", json.encode(request), visit.who))

    # Changing.

    async def _restart(self, visit: Visit, params: _Change) -> Any:
        self._find(params.name)
        if not params.dry:
            await self._told(visit, "plugin restart", params.name, self._overseen.restart(params.name))
        return {"restarted": params.name, "dry": params.dry}

    async def _reload(self, visit: Visit, params: _Again) -> Any:
        reloading = self._overseen.reload(dry=params.dry)
        reloaded = await (reloading if params.dry else self._told(visit, "reload", "", reloading))
        return {**asdict(reloaded), "dry": params.dry}

    async def _key_create(self, visit: Visit, params: _Creation) -> Any:
        name, key = params.name, None
        if not _NAME.match(name):
            raise Troubled(Reason(Trouble.NAME, f'"{_cut(name)}" is no name for a key'))
        if params.role not in ROLES:
            raise Troubled(Reason(Trouble.ROLE, f'there is no role "{_cut(params.role)}"'))
        if self._has_key(name):
            raise Troubled(Reason(Trouble.KEY_EXISTS, f"there is a key with the name {name}"))
        if not params.dry:
            creating = self._overseen.keys.create(name, self._now(), self._entropy)
            key = await self._told(visit, "key create", name, creating)
        return {"name": name, "role": params.role, "key": key, "dry": params.dry}

    async def _key_revoke(self, visit: Visit, params: _Change) -> Any:
        name = params.name
        if not self._has_key(name):
            raise Troubled(Reason(Trouble.KEY_UNKNOWN, f'there is no key with the name "{_cut(name)}"'))
        if not params.dry:
            revoking = self._overseen.keys.revoke(name, self._now())
            await self._told(visit, "key revoke", name, revoking)
        return {"revoked": name, "dry": params.dry}

    def _has_key(self, name: str) -> bool:
        return any(each.key.name == name and each.revoked is None for each in self._overseen.keys.all())

    async def _told(self, visit: Visit, verb: str, argument: str, doing: Awaitable[Any]) -> Any:
        outcome = "failed here; see the log"
        try:
            done = await doing
            outcome = "done"
        except Troubled as troubled:
            # Of many lines the first will do: who asked is told them all.
            outcome = str(troubled.reason).partition("\n")[0]
            raise
        finally:
            self._publisher.tell(AdminAsked(visit.who, verb, argument, outcome))
        return done

    def _find(self, name: str) -> PluginState:
        plugins = {plugin.name: plugin for plugin in self._overseen.status().plugins}
        if name not in plugins:
            raise Troubled(Reason(Trouble.PLUGIN, _unknown("plugin", name, list(plugins))))
        return plugins[name]


def _readable(owner: type, attribute: Attribute[Any], value: Any) -> Any:
    return about(value) if isinstance(value, Reason) else value


def about(reason: Reason) -> dict[str, str]:
    """
    Make of a reason what JSON can say.
    """
    return {"code": reason.trouble.code, "text": reason.text, "hint": reason.trouble.hint}


def _unknown(kind: str, name: str, known: list[str]) -> str:
    # Bounded: to compare takes a while, and nothing here is of such a length.
    near = difflib.get_close_matches(name, known[:_COMPARED], 1) if len(name) <= _SHOWN else ()
    return f'there is no {kind} "{_cut(name)}"' + (f"; did you mean {near[0]}?" if near else "")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _request(text: str) -> Troubled:
    return Troubled(Reason(Trouble.REQUEST, text))
