"""Azure ML's package names, so far as scripts in a run use them. Microsoft's own, where installed, come first."""

from __future__ import annotations

import os
from pkgutil import extend_path

from aml_script_run.beside_microsoft import order  # type: ignore[import-not-found]  # a sibling on the script's path

__path__ = order(extend_path(__path__, __name__), os.path.dirname(__file__))
