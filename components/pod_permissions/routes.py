"""What an ordinary user needs for each route that MLflow 3.3.2 itself lets every user have.

Routes as Flask names them, `/ajax-api` written as `/api`. What stands neither here nor among MLflow's own
validators (`mlflow.server.auth`, BEFORE_REQUEST_VALIDATORS) is the administrators'.
"""

READ, UPDATE, DELETE, MANAGE = "can_read", "can_update", "can_delete", "can_manage"
"""Fields of MLflow's `Permission`."""

_API, _API3, _PROXY = "/api/2.0/mlflow", "/api/3.0/mlflow", "/api/2.0/mlflow-artifacts"

Need = tuple[str, str]
"""Kind of thing that a request names, and what its user must be allowed to do with it.

Kinds: `experiment`, `run`, `trace`, `model` (a logged one), `name` (of a registered model), `path` (of a
proxied artifact, whose first part is the experiment), `source` (of a model version), `new` (a trace that need
not be there), `graphql` (whatever a query names). Of some all that is named is the administrators':
`location` (of an experiment's artifacts), `tag` (where a trace is kept), `overrides` (of an assessment).
"""

EVERYBODY: dict[tuple[str, str], str] = {
    ("GET", "/"): "the page itself; what it shows it asks for",
    ("GET", "/static-files/<path:path>"): "the page's scripts and pictures; open without a login too",
    ("GET", "/build/<path:filename>"): "the same files, for users",
    ("GET", "/health"): "for probes; open without a login too",
    ("GET", "/version"): "MLflow's version",
    ("GET", "/metrics"): "counts of requests, for Prometheus",
    ("POST", f"{_API}/experiments/create"): "who makes one manages it",
    ("GET", f"{_API}/experiments/search"): "MLflow leaves out what the user may not read",
    ("POST", f"{_API}/experiments/search"): "MLflow leaves out what the user may not read",
    ("POST", f"{_API}/logged-models/search"): "MLflow leaves out what the user may not read",
    ("POST", f"{_API}/registered-models/create"): "who makes one manages it",
    ("GET", f"{_API}/registered-models/search"): "MLflow leaves out what the user may not read",
    ("GET", f"{_API}/model-versions/search"): "what the user may not read is left out",
    ("GET", f"{_API}/gateway-proxy"): "the model gateway, where the platform has configured one",
    ("POST", f"{_API}/gateway-proxy"): "the model gateway, where the platform has configured one",
}
"""Routes that name nothing of others, and why every user has them."""

NAMES = {("POST", f"{_API}/registered-models/{what}") for what in ("create", "rename")}
"""Routes that give a registered model a name, which another may have had."""

BESIDES: dict[tuple[str, str], tuple[Need, ...]] = {
    ("POST", f"{_API}/experiments/create"): (("location", UPDATE),),
    ("POST", f"{_API}/runs/log-metric"): (("model", UPDATE),),
    ("POST", f"{_API}/runs/log-batch"): (("model", UPDATE),),
}
"""What else is asked of routes that every user has, or where MLflow checks one thing of what is named."""

CHECKED: dict[tuple[str, str], tuple[Need, ...]] = {
    ("POST", f"{_API}/model-versions/create"): (("source", READ),),
    ("GET", "/graphql"): (("graphql", READ),),
    ("POST", "/graphql"): (("graphql", READ),),
    # Artifacts
    ("GET", "/get-artifact"): (("run", READ),),
    ("GET", "/model-versions/get-artifact"): (("name", READ),),
    ("POST", f"{_API}/upload-artifact"): (("run", UPDATE),),
    ("GET", f"{_API}/get-trace-artifact"): (("trace", READ),),
    ("GET", f"{_API}/logged-models/<model_id>/artifacts/directories"): (("model", READ),),
    ("GET", f"{_API}/logged-models/<model_id>/artifacts/files"): (("model", READ),),
    ("GET", f"{_PROXY}/artifacts"): (("path", READ),),
    ("GET", f"{_PROXY}/artifacts/<path:artifact_path>"): (("path", READ),),
    ("PUT", f"{_PROXY}/artifacts/<path:artifact_path>"): (("path", UPDATE),),
    ("DELETE", f"{_PROXY}/artifacts/<path:artifact_path>"): (("path", MANAGE),),
    ("POST", f"{_PROXY}/mpu/create/<path:artifact_path>"): (("path", UPDATE),),
    ("POST", f"{_PROXY}/mpu/complete/<path:artifact_path>"): (("path", UPDATE),),
    ("POST", f"{_PROXY}/mpu/abort/<path:artifact_path>"): (("path", UPDATE),),
    # Runs and their metrics
    ("POST", f"{_API}/runs/search"): (("experiment", READ),),
    ("POST", f"{_API}/runs/log-inputs"): (("run", UPDATE),),
    ("POST", f"{_API}/runs/outputs"): (("run", UPDATE),),
    ("POST", f"{_API}/runs/create-promptlab-run"): (("experiment", UPDATE),),
    ("POST", f"{_API}/experiments/search-datasets"): (("experiment", READ),),
    ("GET", f"{_API}/metrics/get-history-bulk"): (("run", READ),),
    ("GET", f"{_API}/metrics/get-history-bulk-interval"): (("run", READ),),
    # Traces
    ("GET", f"{_API}/traces"): (("experiment", READ),),
    ("POST", f"{_API}/traces"): (("experiment", UPDATE), ("tag", UPDATE)),
    ("PATCH", f"{_API}/traces/<request_id>"): (("trace", UPDATE), ("tag", UPDATE)),
    ("GET", f"{_API}/traces/<request_id>/info"): (("trace", READ),),
    ("PATCH", f"{_API}/traces/<request_id>/tags"): (("trace", UPDATE), ("tag", UPDATE)),
    ("DELETE", f"{_API}/traces/<request_id>/tags"): (("trace", UPDATE), ("tag", UPDATE)),
    ("POST", f"{_API}/traces/delete-traces"): (("experiment", DELETE),),
    ("POST", f"{_API}/traces/link-to-run"): (("run", UPDATE), ("trace", READ)),
    ("POST", f"{_API3}/traces"): (
        ("experiment", UPDATE),
        ("new", UPDATE),
        ("tag", UPDATE),
        ("overrides", UPDATE),
    ),
    ("POST", f"{_API3}/traces/search"): (("experiment", READ),),
    ("POST", f"{_API3}/traces/delete-traces"): (("experiment", DELETE),),
    ("GET", f"{_API3}/traces/<trace_id>"): (("trace", READ),),
    ("PATCH", f"{_API3}/traces/<trace_id>/tags"): (("trace", UPDATE), ("tag", UPDATE)),
    ("DELETE", f"{_API3}/traces/<trace_id>/tags"): (("trace", UPDATE), ("tag", UPDATE)),
    ("POST", f"{_API3}/traces/<trace_id>/assessments"): (("trace", UPDATE),),
    ("GET", f"{_API3}/traces/<trace_id>/assessments/<assessment_id>"): (("trace", READ),),
    ("PATCH", f"{_API3}/traces/<trace_id>/assessments/<assessment_id>"): (("trace", UPDATE),),
    ("DELETE", f"{_API3}/traces/<trace_id>/assessments/<assessment_id>"): (("trace", UPDATE),),
}
"""Routes that name what may be another's."""

UNREAD = ("/upload-artifact", "<path:artifact_path>")
"""Ends of routes whose body is an artifact: nothing is named in it, and it may be larger than memory."""


def key(method: str, rule: str) -> tuple[str, str]:
    """How a request's route is written here. One of MLflow 3.3.2's own rules lacks a slash."""
    rule = f"/{rule.removeprefix('/ajax-')}" if rule.startswith("/ajax-api/") else rule
    return method, rule.replace("/api/2.0mlflow/", f"{_API}/")
