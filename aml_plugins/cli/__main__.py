"""``python -m aml_plugins.cli`` is ``aml``."""

from aml_plugins.cli import main

main()
