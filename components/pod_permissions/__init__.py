"""Runs in the server's pods: MLflow's permissions, asked on the routes where MLflow 3.3.2 forgets to.

A package of its own there (`NAME`), brought by a ConfigMap (`components/values_authentication.py`).
"""

NAME = "mlflow_strict_permissions"
"""Of the package in the server's container."""
