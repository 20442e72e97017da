"""Long-running operations: handing their events to plugins, and the notifiers that come with us."""
