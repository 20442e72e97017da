"""Stands for types whose contract this version does not have yet."""


class Thing:
    """Nothing in particular."""
