"""What runs in the pods of housekeeping: removes for good what was deleted long ago, as `mlflow gc` does.

Mounted from a ConfigMap and run by the server's own image: standard library, MLflow, and what it brings.
MLflow's own command (3.3.2) is not called as it is: it takes the database's password as an argument, ends at
the first run whose artifacts it cannot delete, loses the run where S3 refuses an object, cannot remove an
experiment with traces, leaves an experiment's models in the store, and removes what a registered model is
made of.
"""
