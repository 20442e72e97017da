"""Runs: configuration, snapshot, submission, reconciliation, and the runner on the target."""
