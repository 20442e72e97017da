"""The Airflow provider: thin operators over the SDK."""
