"""How a triggerer watches what its deferred tasks wait for: one loop a workspace."""
