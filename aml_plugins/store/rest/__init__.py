"""The store behind a server: our REST API spoken with urllib3, without MLflow. A module a noun, as in ``sql/``."""
