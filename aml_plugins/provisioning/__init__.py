"""Compute targets that are created and deleted, not only attached.

What a user wants is in the row (``aml_provisionings``); ``reconciling.py`` is the one that takes a target there, under
a lease, in steps that are safe to repeat. Whoever waits drives it, or any monitor.
"""
