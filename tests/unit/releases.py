"""Releases that Helm made by hand, for tests: the runbook's, and Helm's record of one."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Mapping
from typing import Any

import yaml

from bench.against_helm import RUNBOOK
from components.settings.model import KEYS, Settings, about
from ops.record import Record
from ops.stack import PROGRAM

_RUNBOOK: dict[str, Any] = yaml.safe_load(RUNBOOK.read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((PROGRAM / "lab/chart/mlflow/values.yaml").read_text())


def runbook() -> dict[str, Any]:
    """The values of the runbook."""
    return copy.deepcopy(_RUNBOOK)


def record(values: Mapping[str, Any], **other: Any) -> Record:
    """The record of a deployed release with these values."""
    told = {"revision": 3, "status": "deployed", "chart": "mlflow", "chart_version": "5.1.17", **other}
    return Record(name="mlflow", namespace="mlflow", values=values, defaults=DEFAULTS, objects=(), **told)


def packed(values: Mapping[str, Any], revision: int, status: str = "deployed", chart: str = "mlflow") -> str:
    """The `release` entry of a record's Secret, as the API gives it (Helm 3)."""
    told = {
        "name": "mlflow",
        "namespace": "mlflow",
        "version": revision,
        "info": {"status": status},
        "chart": {"metadata": {"name": chart, "version": "5.1.17"}, "values": DEFAULTS},
        "config": values,
        "manifest": "",
    }
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(told).encode()))).decode()


def config(**given: str) -> dict[str, str]:
    """A stack's settings as `pulumi config --json` has them: the defaults too, all as texts."""
    defaults = {
        key: "" if about(name).secret else _text(Settings.model_fields[name].default)
        for key, name in KEYS.items()
    }
    return {**defaults, "context": "lab", **given}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
