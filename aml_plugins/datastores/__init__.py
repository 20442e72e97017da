"""Named storage locations; ``contract.py`` is the API of a datastore plugin."""

from aml_plugins.datastores.contract import Datastore

__all__ = ["Datastore"]
