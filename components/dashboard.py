"""The stack's Grafana dashboard, for a Grafana whose sidecar looks for ConfigMaps by a label."""

from __future__ import annotations

import pulumi

from components import names
from components.kinds import Own
from components.settings import Settings
from components.values_kept import source


def dashboard(
    name: str, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    """Make it, where the settings ask for it. A child of `opts`' parent."""
    if not settings.grafana_dashboard:
        return
    metadata = {
        "name": names.own(settings.release_name, names.DASHBOARD),
        "namespace": namespace,
        "labels": settings.grafana_dashboard_labels,
    }
    # Its namespace is in the file's name: the sidecar puts the files of all namespaces in one folder.
    data = {f"mlflow-{settings.namespace}-{settings.release_name}.json": source("dashboard.json")}
    Own(f"{name}-dashboard", "core/v1:ConfigMap", metadata, {"data": data}, opts)
