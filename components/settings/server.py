"""Settings: the server itself, its database, its volumes, and the last resort."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings import quantities as q
from components.settings import types as t
from components.settings.fields import Group, Whole, knob, secret

SCRATCH_REQUEST = "50Mi"
"""What a server pod asks of a node's disk in advance, as with the chart's own presets (5.1.17)."""

_NAME = "the name of a Secret in the namespace"
_CLASS = "the name of a storage class"
_SIZE = "a quantity of bytes such as 8Gi, at least 1Mi"
_SERVER: q.Amounts = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
_WAIT: q.Amounts = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}}
_DATABASE_PODS: q.Amounts = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_RESOURCES = "requests and limits: quantities by resource (empty: none), no request above its limit"
_DATABASE = "at most 63 characters of a-z, A-Z, 0-9 and _, not starting with a digit"


class Server(Group):
    """Server."""

    tracking_replicas: Annotated[int, Whole, Field(ge=1, le=50)] = knob(1, "Number of server pods.")
    tracking_workers: Annotated[int, Whole, Field(ge=1, le=32)] = knob(
        2,
        "Worker processes per pod, about 200 MiB each.",
    )
    tracking_threads: Annotated[int, Whole, Field(ge=1, le=512)] = knob(
        32,
        "Threads per worker, plus 256 with fastAuthentication; a slow client holds up just one.",
        promotable=True,
    )
    tracking_worker_timeout: Annotated[int, Whole, Field(ge=10, le=3600)] = knob(
        120,
        "Seconds after which a hung worker is replaced (not a limit on uploads).",
        unit="seconds",
        promotable=True,
    )
    fast_authentication: t.Boolean = knob(
        True,
        "Remember that a password matched its stored hash; by itself, MLflow computes scrypt two or more"
        " times per request.",
        promotable=True,
    )
    strict_permissions: t.Boolean = knob(
        True,
        "Check MLflow's permissions on every route; by itself, MLflow 3.3.2 lets every user read, overwrite"
        " and delete through many of them (docs/routes.md).",
        promotable=True,
    )
    default_permission: Literal["READ", "EDIT", "MANAGE", "NO_PERMISSIONS"] = knob(
        "READ",
        "What a user may do with others' experiments and models, unless a permission says otherwise.",
        example="NO_PERMISSIONS",
    )
    tracking_resources: Annotated[t.Resources, q.laid_over(_SERVER)] = knob(
        _SERVER,
        "Resources of a server pod. No CPU limit: it would only slow down the start and every request.",
        accepted=_RESOURCES,
        example="--path trackingResources.limits.memory 3Gi",
    )
    tracking_scratch_size: t.Size = knob(
        "16Gi",
        "Space on the node for artifacts in transit; a pod that needs more is evicted.",
        accepted=_SIZE,
    )
    wait_resources: Annotated[t.Resources, q.laid_over(_WAIT)] = knob(
        _WAIT,
        "Resources of the init containers that wait for database and store.",
        accepted=_RESOURCES,
        example="--path waitResources.limits.memory 256Mi",
    )
    autoscaling: t.Boolean = knob(False, "Let a HorizontalPodAutoscaler set the number of pods.")
    autoscaling_min: Annotated[int, Whole, Field(ge=1, le=50)] = knob(2, "Minimum number of pods.")
    autoscaling_max: Annotated[int, Whole, Field(ge=1, le=50)] = knob(5, "Maximum number of pods.")
    autoscaling_cpu: Annotated[int, Whole, Field(ge=0, le=1000)] = knob(
        75,
        "Target CPU usage in percent of the request; 0: CPU does not count.",
    )
    autoscaling_memory: Annotated[int, Whole, Field(ge=0, le=1000)] = knob(0, "The same for memory.")


class Volumes(Group):
    """Volumes."""

    storage_class: t.OptionalName = knob(
        "", "Storage class of all volumes. Empty: the cluster's default.", accepted=_CLASS, example="standard"
    )
    tracking_volume: t.Boolean = knob(
        False,
        "Give the server a volume. With artifactStore volume it has one anyway; other stores do not use it.",
    )
    tracking_volume_class: t.OptionalName = knob(
        "", "Its class, if not storageClass.", accepted=_CLASS, example="standard"
    )
    tracking_volume_size: t.Size = knob("8Gi", "Its size.", accepted=_SIZE)
    tracking_volume_access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = knob(
        "ReadWriteOnce", "Its access mode."
    )


class Database(Group):
    """Database."""

    database: Literal["subchart", "external"] = knob(
        "subchart", "The chart's own PostgreSQL, or an existing one."
    )
    database_size: t.Size = knob("8Gi", "Size of the sub-chart database's volume.", accepted=_SIZE)
    database_class: t.OptionalName = knob(
        "", "Its class, if not storageClass.", accepted=_CLASS, example="standard"
    )
    database_resources: Annotated[t.Resources, q.laid_over(_DATABASE_PODS)] = knob(
        _DATABASE_PODS,
        "Resources of the sub-chart database.",
        accepted=_RESOURCES,
        example="--path databaseResources.limits.memory 2Gi",
    )
    database_upgrade: t.Boolean = knob(
        False,
        "Let each start of the server upgrade the database to its MLflow's schema (the chart's"
        " runUpgradeDB). Back up first: an older MLflow does not start on an upgraded one.",
        promotable=True,
    )
    database_host: t.ServerHost = knob(
        "", "Host of an external database.", accepted="a host name or IPv4 address", example="db.example.com"
    )
    database_port: t.Port = knob(5432, "Its port.", accepted="a port, 1 to 65535")
    database_user: t.Identifier = knob(
        "postgres", "Its user, the owner of both databases.", accepted=_DATABASE
    )
    database_name: t.Identifier = knob("mlflow", "Its database for runs.", accepted=_DATABASE)
    database_auth_name: t.Identifier = knob("mlflow_auth", "Its database for users.", accepted=_DATABASE)
    database_password: t.Alphanumeric = secret(
        "Password of an external database (the sub-chart's is generated).", accepted="letters and digits only"
    )
    database_existing_secret: t.OptionalName = knob(
        "",
        "An existing Secret with the database's password. For the sub-chart, its keys are `password` and"
        " `postgres-password`; the chart's own Secret (`RELEASE-postgresql`) stays as the chart made it.",
        accepted=_NAME,
        example="mlflow-postgresql",
    )
    database_existing_secret_key: t.SecretKey = knob(
        "db-password", "Its key for an external database's password.", accepted="a key of that Secret"
    )


class Extra(Group):
    """Last resort."""

    extra_values: t.AnyMap = knob(
        {},
        "Helm values merged over the program's. Refused where they would break what the program promises.",
        accepted="a map of the chart's values; lists replace, but tracking.extraArgs, extraEnvVars,"
        " extraVolumes, extraVolumeMounts, ingress.extraTls and both networkPolicy.extraIngress are appended",
        example="--path extraValues.tracking.nodeSelector.disk ssd",
    )
    adopted_values: t.AnyMap = knob(
        {},
        "How a release installed by hand with Helm differs from the program's, applied last. `make adopt`"
        " writes it; whatever you remove from it, the next `pulumi up` takes over.",
        accepted="a map of the chart's values, as a JSON merge patch: null removes the program's value",
    )
