"""The program run under mocks: what it exported, and which Secrets it made."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Coroutine
from typing import Any

import pulumi
import yaml
from pulumi.runtime.settings import get_root_resource

from ops.stack import PROGRAM
from tests.unit.engine import Engine


def outputs() -> dict[str, Any]:
    """What the program exported."""
    root: Any = get_root_resource()
    return dict(root.outputs)


def future(answer: Coroutine[Any, Any, Any]) -> pulumi.Output[Any]:
    """What a coroutine gives, awaited with the test."""
    coroutine: Any = answer
    return pulumi.Output.from_input(coroutine)


def run(then: Callable[[dict[str, Any]], Any]) -> Any:
    """Run `__main__.py`, then `then` on the values of its exports once all are known."""
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    return pulumi.Output.all(**outputs()).apply(then)


def stack_file(stack: str) -> dict[str, str]:
    """The plain settings of a committed stack file, as the engine hands them over."""
    config = yaml.safe_load((PROGRAM / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("mlflow:"): str(value) for key, value in config.items()}


def made_secrets(engine: Engine) -> dict[str, set[str]]:
    """Names and keys of the Secrets that the program made."""
    found = {}
    for resource in engine.of_type("core/v1:Secret"):
        if not resource.id:
            data = resource.inputs["data"]
            found[resource.inputs["metadata"]["name"]] = set(data.get("value", data))
    return found
