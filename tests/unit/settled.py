"""Settings for tests: good ones with something laid over them, and a look into their Helm values."""

from __future__ import annotations

from typing import Any

from components.settings import Settings, parse
from tests.unit.cases import GOOD, SECRETS

GCS = {"context": "lab", "artifactStore": "gcs", "gcsBucket": "bucket"}


AZURE = {"context": "lab", "artifactStore": "azure", "azureStorageAccount": "account"}


VOLUME = {"context": "lab", "artifactStore": "volume"}


def of(**config: Any) -> Settings:
    """Good settings with `config` laid over them."""
    return parse({**GOOD, **SECRETS, **config})


def at(tree: Any, path: str) -> Any:
    """The value at a dotted path."""
    for key in path.split("."):
        tree = tree[key]
    return tree
