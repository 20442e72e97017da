"""A plugin for tests: each module implements one hook."""
