"""The programs that the stack's own Jobs run: their files in a ConfigMap, and where the pods find them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "/program"
MOUNT = {"name": "program", "mountPath": FOLDER, "readOnly": True}
"""The mount of a program in a container."""
_HERE = Path(__file__).parent
_SHARED = "pod_bucket.py"
"""What every program brings along."""


def files(package: str) -> dict[str, str]:
    """The files of a package of `components`, by name: the data of a ConfigMap."""
    own = sorted(file for file in (_HERE / package).iterdir() if file.suffix in (".py", ".sh"))
    return {file.name: file.read_text() for file in (*own, _HERE / _SHARED)}


def volume(package: str, config_map: str) -> dict[str, Any]:
    """The volume that has them where Python looks for them; scripts of the shell are beside the packages."""
    items = [{"key": name, "path": _path(package, name)} for name in files(package)]
    return {"name": MOUNT["name"], "configMap": {"name": config_map, "items": items}}


def _path(package: str, name: str) -> str:
    if name.endswith(".sh"):
        return name
    return f"components/{name}" if name == _SHARED else f"components/{package}/{name}"


def command(package: str, *arguments: str) -> list[str]:
    """What runs a package."""
    return ["python", "-m", f"components.{package}", *arguments]


def environment(*variables: list[dict[str, Any]], **own: str) -> list[dict[str, Any]]:
    """Variables of a container that runs one, each once: of two of a name the last one counts.

    The server has a PYTHONPATH of its own, which may be among what it is given besides.
    """
    plain: Mapping[str, str] = {"PYTHONPATH": FOLDER, **own}
    given = [one for listed in variables for one in listed]
    found = {one["name"]: one for one in (*given, *({"name": k, "value": v} for k, v in plain.items()))}
    return [*found.values()]
