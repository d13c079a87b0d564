"""What runs in the pods of backup and restore: the store's side in Python, the database's in `database.sh`.

Mounted from a ConfigMap and run by the server's own image: standard library, and what MLflow brings (boto3).
"""
