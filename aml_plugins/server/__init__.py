"""The server: MLflow's own, and beside it our REST API and console, behind MLflow's users and roles.

``app.py`` is MLflow's app plugin (entry point ``mlflow.app``); ``api.py`` lists what is served; ``routes/`` has a
module a noun; ``route_actions.py`` says which action each route is; ``access.py`` decides who may do it.
"""
