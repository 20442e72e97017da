"""Build pip and conda environments on the compute target. Standard library only, CPython 3.8 and newer.

The runner's archive holds this package as ``aml_environments`` (``runs/runner/environment.py`` describes the seam).
A cache looks like this (a marker's time is the last use)::

    KEY/                    an environment, built in place: virtual environments cannot be moved
    KEY/.aml-complete       written last; without it, the directory is a build that did not end
    KEY.lock                flock: exclusive while building or removing, shared by each process that uses it
    KEY.build/              a build's own files

``KEY`` is the environment's kind and a content hash. Lock files stay: removing one would let two builders in.
"""

from __future__ import annotations

from .errors import BuildError, BuildStoppedError
from .keys import environment_key
from .preparing import prepare
from .pruning import prune

__all__ = ["BuildError", "BuildStoppedError", "environment_key", "prepare", "prune"]
