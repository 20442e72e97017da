"""Azure ML's package names, so far as scripts in a run use them. Microsoft's own, where installed, come first."""

from __future__ import annotations

import os

from aml_script_run.beside_microsoft import search_path  # type: ignore[import-not-found]  # a sibling on the script's path

__path__ = search_path(os.path.dirname(__file__))
