# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the documents are built: ``make docs``.
"""

import sys
from contextlib import suppress
from typing import Any

from mcpd import __version__

project = "mcpd"
author = "mcpd contributors"
copyright = "2026, mcpd contributors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

apidoc_modules = [
    {
        "path": "../mcpd",
        "destination": "code",
        # The launcher is a program, not a package.
        "exclude_patterns": ["../mcpd/sandbox/child"],
        "separate_modules": True,
        "module_first": True,
    },
]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"mcpd {release}"


def resolve(app: Any, function: Any, bound: bool) -> None:
    """
    Tell what the annotations of a function mean, where it stands.

    Sphinx resolves those of an ``__init__`` that attrs has made only for attributes
    without an underscore; two classes of one name would be taken for each other.
    """
    said = getattr(function, "__annotations__", {})
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    for name, annotation in said.items():
        if module is not None and isinstance(annotation, str):
            with suppress(NameError):
                said[name] = eval(annotation, dict(vars(module)))  # noqa: S307  our own source
    # Where there are defaults, Sphinx has written a signature down.
    signature = getattr(function, "__signature__", None)
    if signature is not None:
        parameters = signature.parameters.values()
        # A bound method has no other way to it.
        function.__dict__["__signature__"] = signature.replace(
            parameters=[each.replace(annotation=said.get(each.name, each.annotation)) for each in parameters]
        )


def setup(app: Any) -> None:
    """
    Have that done for whatever is documented.
    """
    app.connect("autodoc-before-process-signature", resolve)
