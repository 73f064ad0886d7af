# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What both fixtures offer besides tools.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.call import NoSuchResource, Refused
from tests.conformance.client import Client
from tests.conformance.legacy import Legacy
from tests.conformance.machine import Message
from tests.conformance.offer import PAGE, Offer


class OfferTests(SynchronousTestCase):
    """
    Lists, resources and prompts.
    """

    def test_resources(self) -> None:
        """
        Every resource that is listed can be read; a template's, too.
        """
        offer = Offer()
        for listed in offer.answer("resources/list", {})["resources"]:
            [read] = offer.answer("resources/read", {"uri": listed["uri"]})["contents"]
            self.assertEqual((read["uri"], read["mimeType"]), (listed["uri"], listed["mimeType"]))
        [read] = offer.answer("resources/read", {"uri": "test://template/123/data"})["contents"]
        self.assertEqual(
            json.loads(read["text"]), {"id": "123", "templateTest": True, "data": "Data for ID: 123"}
        )
        [template] = offer.answer("resources/templates/list", {})["resourceTemplates"]
        self.assertEqual(template["uriTemplate"], "test://template/{id}/data")

    def test_no_resource(self) -> None:
        """
        What is not there can't be read.
        """
        for uri in ("test://nothing", "test://template/1/data/more", 7, None):
            self.assertRaises(NoSuchResource, Offer().answer, "resources/read", {"uri": uri})

    def test_completion(self) -> None:
        """
        What was typed is completed.
        """
        params = {"argument": {"name": "arg1", "value": "testV"}}
        self.assertEqual(
            Offer().answer("completion/complete", params)["completion"]["values"],
            ["testValue1", "testValue2"],
        )

    def test_unknown_method(self) -> None:
        """
        A method that is not there is refused.
        """
        self.assertEqual(self.assertRaises(Refused, Offer().answer, "no/method", {}).code, -32601)

    def test_pages(self) -> None:
        """
        Tools may be parted among pages, which together are the whole list; a foreign cursor is refused.
        """
        offer, found = Offer(frozenset({"pages"})), list[Message]()
        page = offer.answer("tools/list", {})
        while "nextCursor" in page:
            self.assertEqual(len(page["tools"]), PAGE)
            found += page["tools"]
            page = offer.answer("tools/list", {"cursor": page["nextCursor"]})
        self.assertEqual([*found, *page["tools"]], Offer().answer("tools/list", {})["tools"])
        for other in (offer, Offer()):
            self.assertRaises(Refused, other.answer, "tools/list", {"cursor": "nonsense"})

    def test_pages_forever(self) -> None:
        """
        A cursor may lead to itself.
        """
        offer = Offer(frozenset({"pages-forever"}))
        first = offer.answer("tools/list", {})
        self.assertEqual(offer.answer("tools/list", {"cursor": first["nextCursor"]}), first)

    def test_change(self) -> None:
        """
        What is added to a list goes away again.
        """
        for kind in ("tools", "prompts"):
            offer = Offer()
            before = offer.answer(f"{kind}/list", {})[kind]
            offer.toggle(kind)
            self.assertEqual(len(offer.answer(f"{kind}/list", {})[kind]), len(before) + 1)
            offer.toggle(kind)
            self.assertEqual(offer.answer(f"{kind}/list", {})[kind], before)


class PromptTests(SynchronousTestCase):
    """
    The prompts.
    """

    def setUp(self) -> None:
        """
        Make a legacy fixture.
        """
        self.client = Client(Legacy)
        self.client.greet()

    def get(self, name: str, **arguments: str) -> Message:
        """
        Get a prompt.
        """
        return self.client.ask("prompts/get", name=name, arguments=arguments)

    def test_contents(self) -> None:
        """
        A prompt shows text, an image or a resource, made of its arguments.
        """
        said = self.get("test_prompt_with_arguments", arg1="a", arg2="b")["result"]["messages"]
        self.assertEqual(said[0]["content"]["text"], "Prompt with arguments: arg1='a', arg2='b'")
        self.assertEqual(len(self.get("test_simple_prompt")["result"]["messages"]), 1)
        said = self.get("test_prompt_with_embedded_resource", resourceUri="test://x")["result"]["messages"]
        self.assertEqual(said[0]["content"]["resource"]["uri"], "test://x")
        self.assertEqual(
            self.get("test_prompt_with_image")["result"]["messages"][0]["content"]["type"], "image"
        )

    def test_refused(self) -> None:
        """
        A prompt that is unknown, not there now, or lacks an argument is refused.
        """
        for name in ("nonsense", "test_added_prompt", "test_prompt_with_arguments"):
            self.assertEqual(self.get(name)["error"]["code"], -32602, name)

    def test_added(self) -> None:
        """
        What was added can be used.
        """
        for kind, method, name in (
            ("tool", "tools/call", "test_added_tool"),
            ("prompt", "prompts/get", "test_added_prompt"),
        ):
            self.assertIn("error", self.client.ask(method, name=name))
            self.client.call(f"test_trigger_{kind}_change")
            self.assertIn(f"notifications/{kind}s/list_changed", [m.get("method") for m in self.client.said])
            self.assertIn("result", self.client.ask(method, name=name))
