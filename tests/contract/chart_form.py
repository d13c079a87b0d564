"""What a cluster acts on of an object, in a form of our own: short enough to read and to keep.

It is made alike of what Helm renders and of what was recorded of the chart (where workloads are flat).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Facts = dict[str, Any]

LABEL = "app.kubernetes.io/"
VERSIONS = {
    "mlflow": ("mlflow-5.1.17", "3.3.2"),
    "postgresql": ("postgresql-16.7.27", "17.6.0"),
    "minio": ("minio-17.0.21", "2025.7.23"),
}

CONTAINER = frozenset(
    {"name", "image", "command", "args", "env", "ports", "mounts", "volumeMounts", "resources"}
    | {"readinessProbe", "securityContext"}
)
WORKLOAD = frozenset(
    {"template", "replicas", "selector", "serviceName", "serviceAccountName", "podSecurityContext"}
    | {"securityContext", "initContainers", "containers", "volumes", "volumeClaimTemplates"}
)
"""Keys that have a form of their own in our facts."""

UNRECORDED = ("within", "metadata", "rest")
"""What our facts tell beyond the recorded ones."""


def plain(value: Any) -> Any:
    """A null is the same as nothing; labels to select by are one text."""
    if isinstance(value, Mapping):
        if value and all(str(key).startswith(LABEL) for key in value):
            return " ".join(f"{key.removeprefix(LABEL)}={value[key]}" for key in sorted(value))
        return {key: plain(item) for key, item in value.items() if item is not None}
    return [plain(item) for item in value] if isinstance(value, list) else value


def settings(value: Any, path: str = "") -> list[str]:
    """Every leaf of nested maps with its path, in order; of what a probe runs, the first line is told."""
    if isinstance(value, Mapping) and value and path != "exec":
        return [leaf for key in sorted(value) for leaf in settings(value[key], f"{path}.{key}".strip("."))]
    if isinstance(value, Mapping) and value:
        value = " ".join(value["command"]).splitlines()[0]
    # A text that could be taken for a number stays in quotes: to a cluster it is another thing.
    bare = isinstance(value, str) and not re.fullmatch(r"[\d.]+|true|false|null", value)
    return [f"{path}={value if bare else json.dumps(value)}"] if path else []


def given(**parts: Any) -> Facts:
    """The parts that hold anything."""
    return {key.strip("_"): part for key, part in parts.items() if part not in (None, {}, [], "")}


def identity(labels: Mapping[str, str]) -> str:
    """Who an object says it is: name, component, the whole it is a part of, and labels of the user's."""
    rest = dict(labels)
    own = {part: rest.pop(f"{LABEL}{part}", "-") for part in ("name", "component", "part-of", "version")}
    chart, version = VERSIONS[own["name"]]
    assert rest.pop("helm.sh/chart") == chart
    assert rest.pop(f"{LABEL}managed-by") == "Helm"
    rest.pop(f"{LABEL}instance")
    if own["version"] != version:
        rest["version"] = own["version"]
    more = [f"{key}={value}" for key, value in sorted(rest.items())]
    return " ".join([own["name"], own["component"], own["part-of"], *more])


def variable(entry: Mapping[str, Any]) -> str:
    """An environment variable and where it comes from."""
    source = entry.get("valueFrom") or entry.get("from")
    if not source:
        value = entry.get("value", "")
        assert isinstance(value, str), f"{entry['name']} is refused by a cluster: no text"
        return f"{entry['name']}={value}"
    ((kind, ref),) = source.items()
    return f"{entry['name']} <- {kind.removesuffix('KeyRef')} {ref['name']} {ref['key']}"


def command(container: Mapping[str, Any]) -> list[str]:
    """Command and arguments; a script is any script."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    scripts = [i for i, word in enumerate(words) if i and words[i - 1] in ("-c", "-ec")]
    return ["<script>" if i in scripts else word for i, word in enumerate(words)]


def container(of: Mapping[str, Any]) -> Facts:
    """A container of a pod; what has no form of its own is told as it is."""
    mounts = of.get("volumeMounts") or []
    probes = {key: settings(of[key]) for key in ("livenessProbe", "startupProbe") if key in of}
    rest = {key: value for key, value in of.items() if key not in CONTAINER and value != "IfNotPresent"}
    return given(
        image=of["image"],
        run=command(of),
        env=[variable(entry) for entry in of.get("env") or []],
        ports={port["name"]: port["containerPort"] for port in of.get("ports") or []},
        mounts=of.get("mounts") or [f"{mount['name']}:{mount['mountPath']}" for mount in mounts],
        within={mount["mountPath"]: mount["subPath"] for mount in mounts if "subPath" in mount},
        ready=settings(of.get("readinessProbe")),
        resources=settings(of.get("resources")),
        security=settings(of.get("securityContext")),
        rest=given(**{**rest, **probes}),
    )


def volume(of: Mapping[str, Any]) -> str:
    """What is behind a volume."""
    ((kind, source),) = ((key, value) for key, value in of.items() if key != "name")
    words = [
        kind,
        *(str(source[key]) for key in ("claimName", "secretName", "name", "medium") if key in source),
    ]
    return " ".join([*words, *(f"{item['key']}:{item['path']}" for item in source.get("items", []))])


def claim(of: Mapping[str, Any]) -> Facts:
    """What a claim of a StatefulSet asks for."""
    spec: Facts = of.get("spec") or {key: value for key, value in of.items() if key != "name"}
    return {**spec, **given(metadata={k: v for k, v in of.get("metadata", {}).items() if k != "name"})}


def workload(of: Mapping[str, Any]) -> Facts:
    """A Deployment, StatefulSet or (Cron)Job: what its pods are made of. Recorded ones are mostly flat."""
    spec = of.get("spec", of)
    template = spec.get("template", {})
    pod = template.get("spec", spec)
    metadata = template.get("metadata", {})
    first = pod.get("initContainers") or []
    rest = {key: value for part in (spec, pod) for key, value in part.items() if key not in WORKLOAD}
    selector = spec.get("selector", "")
    return given(
        replicas=spec.get("replicas"),
        selector=selector if isinstance(selector, str) else selector["matchLabels"],
        service=spec.get("serviceName"),
        account=pod.get("serviceAccountName"),
        security=settings(pod.get("podSecurityContext") or pod.get("securityContext")),
        order=[one["name"] for one in first],
        init={one["name"]: container(one) for one in first},
        containers={one["name"]: container(one) for one in pod["containers"]},
        volumes={one["name"]: volume(one) for one in pod.get("volumes") or []},
        claims={
            one.get("name") or one["metadata"]["name"]: claim(one)
            for one in spec.get("volumeClaimTemplates") or []
        },
        rest={
            **given(**rest),
            **given(annotations=sorted(metadata.get("annotations") or {})),
            **given(labels=metadata.get("labels")),
        },
    )


def summary(rendered: Mapping[str, Any]) -> tuple[str, Facts]:
    """Kind and name of an object, and all else that a cluster acts on."""
    metadata = rendered.get("metadata", rendered)
    told = {**given(is_=identity(metadata["labels"]), annotations=metadata.get("annotations"))}
    found: Facts = plain(rendered)
    kind = found["kind"]
    if kind == "CronJob":
        spec = dict(found["spec"])
        found["spec"] = {**spec.pop("jobTemplate")["spec"], **spec}
    if kind in ("Deployment", "StatefulSet", "Job", "CronJob"):
        told |= workload(found)
    elif kind in ("ConfigMap", "Secret"):
        told |= {"keys": sorted(found.get("data") or found.get("keys") or [])}
    else:
        told |= given(**{key: found.get(key) for key in ("spec", "rules", "roleRef", "subjects")})
    return f"{found['apiVersion']} {kind} {metadata['name']}", told


def summaries(found: list[Facts]) -> Facts:
    """All objects by kind and name, each once."""
    pairs = [summary(one) for one in found]
    assert len(dict(pairs)) == len(pairs), "an object is rendered twice"
    return dict(pairs)


def recorded_part(of: Any) -> Any:
    """Our facts without what the recorded ones do not tell."""
    if isinstance(of, Mapping):
        return {key: recorded_part(value) for key, value in of.items() if key not in UNRECORDED}
    if isinstance(of, list):
        return [re.sub("^exec=.*", "exec=<exec>", one) if isinstance(one, str) else one for one in of]
    return of
