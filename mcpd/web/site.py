# -*- test-case-name: tests.web.test_site -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One listener's paths, and what stands at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen
from msgspec import Struct

from mcpd.web.cors import asks, permit
from mcpd.web.head import Head
from mcpd.web.reply import Reply
from mcpd.web.shield import Shield
from mcpd.wire.fault import Fault, Kind


class Request(Struct, frozen=True, eq=False):
    """
    A request that was admitted, with its body.

    Attributes:
        head: What came before the body.
        caller: The principal's name.
        body: The whole body.
    """

    head: Head
    caller: str
    body: bytes


class Resource(Protocol):
    """
    What stands at a path.

    Attributes:
        methods: What it can be asked.  A reply to HEAD leaves the body out by
            itself, but what may be a stream without an end should not list it.
    """

    @property
    def methods(self) -> tuple[bytes, ...]: ...  # noqa: D102  described above

    def admit(self, head: Head) -> str:
        """
        Tell who asks, before a byte of the body is kept.

        Returns:
            The principal's name.

        Raises:
            Fault: Nobody who may.
        """

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Take a request; now or later it is answered through the reply, once.
        """


@frozen
class Preflight:
    """
    What answers a browser that asks before a page's request, whoever the page's user is.

    Attributes:
        methods: What the path can be asked.
        private_network: Whether pages of a public network may ask it.
    """

    methods: tuple[bytes, ...]
    private_network: bool

    def admit(self, head: Head) -> str:
        """
        Let any page ask that came past the shield: such a question has no credentials.
        """
        return "anonymous"

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Tell what the page may do.

        Raises:
            Fault: FORBIDDEN, not what it wants.
        """
        reply.empty(204, permit(request.head.fields, self.methods, self.private_network))


@frozen
class Site:
    """
    The paths of a listener.

    Attributes:
        shield: Judges Host and Origin, before anything here is asked.
        resources: By path; a path that ends in a slash stands for every path
            that goes on with one more name.
    """

    shield: Shield
    resources: Mapping[bytes, Resource]

    def admit(self, head: Head) -> tuple[Resource, str]:
        """
        Tell what a request is for and who asks.

        The shield has let it pass.  Who may not ask does not learn what is
        there.

        Raises:
            Fault: It is refused.
        """
        path, method = head.path, head.method
        resource = self.resources.get(path)
        if resource is None:
            resource = self.resources.get(path[: path.rfind(b"/") + 1])
        if resource is None or path.endswith(b"/"):
            raise Fault(Kind.NOT_FOUND, "there is nothing at this path")
        if method not in resource.methods:
            if not asks(method, head.fields):
                raise _not_allowed(resource.methods)
            resource = Preflight(resource.methods, self.shield.private_network)
        return resource, resource.admit(head)


def _not_allowed(methods: tuple[bytes, ...]) -> Fault:
    allow = (b"Allow", b", ".join(methods))
    return Fault(Kind.METHOD_NOT_ALLOWED, "the method is not allowed at this path", headers=(allow,))
