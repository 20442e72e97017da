"""MLflow behind a server: its REST API, and ours where that has no place for something, without importing MLflow."""
