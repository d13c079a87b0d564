"""A deployed stack for tests of drift: its cluster is a dict, its engine a list of commands."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ops.console import OpsError
from ops.deployed import Deployed
from ops.replacement import Object, title
from ops.site import Site
from ops.stack import Stack
from tests.unit.releases import record

PLANTED = "PlantedPassword"


def encoded(text: str) -> str:
    """As a Secret holds it."""
    return base64.b64encode(text.encode()).decode()


def made(kind: str, name: str, **content: Any) -> dict[str, Any]:
    """An object."""
    metadata = {"name": name, "namespace": "mlflow"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


LOGIN = {"admin-user": encoded("user"), "admin-password": encoded(PLANTED)}
OUTPUTS = {"admin_username": "user", "admin_password": PLANTED, "tracking_url": "http://mlflow"}
OWN = (made("Namespace", "mlflow"), made("Secret", "mlflow-database", data={"password": encoded(PLANTED)}))
CHARTS = (
    made(
        "Secret", "mlflow-tracking", data={**LOGIN, "admin-password": encoded("OlderPassword"), "key": "a2V5"}
    ),
    made("ConfigMap", "mlflow-tracking", data={"a": "b"}),
    made("Job", "once"),
)


class Engine(Stack):
    """A stack whose `pulumi` keeps what it was asked, and previews what it is given."""

    asked: list[tuple[tuple[str, ...], str]]
    steps: list[dict[str, Any]]
    failing: bool

    def __init__(self) -> None:
        super().__init__("dev")
        for name, value in {"asked": [], "steps": [], "failing": False}.items():
            object.__setattr__(self, name, value)

    def read(self, *args: str, stdin: str = "") -> str:
        self.asked.append((args, stdin))
        if args[0] == "preview":
            if self.failing:
                raise OpsError("error: resource 'mlflow/mlflow-tracking' does not exist")
            return json.dumps({"steps": self.steps})
        if args == ("stack", "export"):
            release = {"type": "kubernetes:helm.sh/v3:Release"}
            return json.dumps({"version": 3, "deployment": {"resources": [release, {"type": "other"}]}})
        return ""

    def commands(self) -> list[str]:
        """What was asked besides previews."""
        return [" ".join(args) for args, _ in self.asked if args[0] != "preview"]


class Cluster:
    """Objects by their title, as `ops.objects.Objects` serves them; a PUT gives what was recorded."""

    def __init__(self, *objects: Object) -> None:
        self.held: dict[str, Any] = {title(each): copy.deepcopy(each) for each in objects}
        self.refused: dict[str, OpsError] = {}
        self.written: list[tuple[str, str, bool]] = []

    def live(self, recorded: Object) -> dict[str, Any] | None:
        """What is there."""
        return copy.deepcopy(self.held.get(title(recorded)))

    def replaced(self, recorded: Object, manager: str, *, dry_run: bool) -> tuple[Object, Object]:
        """Both sides."""
        name = title(recorded)
        if name in self.refused:
            raise self.refused[name]
        live = self.held[name]
        self.written.append((name, manager, dry_run))
        if not dry_run:
            self.held[name] = copy.deepcopy(dict(recorded))
        return live, recorded

    def create(self, recorded: Object, manager: str, *, dry_run: bool) -> None:
        """Make it."""
        self.written.append((title(recorded), manager, dry_run))
        if not dry_run:
            self.held[title(recorded)] = copy.deepcopy(dict(recorded))

    def real(self) -> list[tuple[str, str]]:
        """What was written, and in whose name."""
        return [(name, manager) for name, manager, dry_run in self.written if not dry_run]


def site(**changed: Any) -> Site:
    """A stack without drift; `helm` changes Helm's record (None: there is none)."""
    helm: Mapping[str, Any] | None = changed.get("helm", {})
    release = {"name": "mlflow", "namespace": "mlflow", "revision": 3, "version": "5.1.17"}
    login = {**CHARTS[0], "data": {**CHARTS[0]["data"], **LOGIN}}
    client: Any = Pods()
    cluster: Any = changed.get("cluster") or Cluster(*OWN, login, *CHARTS[1:])
    return Site(
        stack=changed.get("stack") or Engine(),
        settings={"timeout": "600"},
        api=client,
        objects=cluster,
        state=Deployed(OUTPUTS, {"a": 1, "gone": None}, release, OWN),
        helm=None if helm is None else replace(record({"a": 1}), **{"objects": CHARTS, **helm}),
    )


class Pods:
    """No pods, no Secrets."""

    api_client = type("Client", (), {"sanitize_for_serialization": staticmethod(lambda _: {"items": []})})

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> None:
        """Nothing."""


@contextmanager
def opened(found: Site) -> Iterator[Site]:
    """Stands in for `ops.site.opened`."""
    yield found
