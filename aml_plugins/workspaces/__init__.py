"""What can be done with a workspace as a whole: its settings, its life cycle, its members, whom it notifies."""
