# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the documents are built: ``make docs``.
"""

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
