"""A program of yours that has an MLflow tracking server among what it makes."""

import pulumi
import pulumi_mlflow as mlflow

config = pulumi.Config()
tracking = mlflow.MlflowTracking(
    "tracking",
    context=config.require("context"),
    namespace="team-python",
    s3_endpoint=config.require("s3Endpoint"),
    s3_bucket="mlflow",
    s3_access_key_id=config.require_secret("s3AccessKeyId"),
    s3_secret_access_key=config.require_secret("s3SecretAccessKey"),
)

pulumi.export("url", tracking.tracking_url)
pulumi.export("user", tracking.admin_username)
pulumi.export("password", tracking.admin_password)
