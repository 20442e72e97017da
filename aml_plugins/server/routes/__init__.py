"""The routes, a module a noun. Each checks nothing but its input: who may call it stands in ``route_actions.py``."""
