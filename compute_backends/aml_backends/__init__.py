"""Compute targets that come with aml-plugins, one package each."""
