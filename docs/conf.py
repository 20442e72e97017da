"""How the documentation is built; warnings are errors."""

from __future__ import annotations

from aml_plugins import __version__

project = "AML Plugins"
author = "the AML Plugins authors"
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = "AML Plugins"
html_static_path: list[str] = []
nitpicky = True
suppress_warnings: list[str] = []
