"""The parts of the conformance kit for service types; inherit :class:`~aml_plugins.testing.ServiceTypeContract`."""
