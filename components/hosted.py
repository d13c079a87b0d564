"""The component as a plugin, for programs in any language: its schema, and the process that hosts it.

Apart from `components.tracking`, which knows nothing of it: the program of this repository is its own host.
"""

import json
from collections.abc import Iterable
from inspect import get_annotations
from typing import Any

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from components import tracking
from components.arguments import MlflowTrackingArgs, early, settings_of
from components.settings import WrongSettings
from components.settings.fields import Knob
from components.settings.mistakes import Mistake
from components.settings.model import about, default_of
from components.tokens import COMPONENT

PACKAGE = COMPONENT.partition(":")[0]
VERSION = "0.0.0"
"""No version of its own: the engine names a plugin by the tag it fetched, and a folder has none."""


class MlflowTracking(tracking.MlflowTracking):
    """An MLflow tracking server on a Kubernetes cluster: namespace, Secrets, release of the Bitnami chart."""

    # The schema is made of types that are types already: those of the parent are texts.
    __annotations__ = get_annotations(tracking.MlflowTracking, eval_str=True)

    _LOGIN = "the outputs adminUsername and adminPassword of this resource (admin_username in Python)"

    def __init__(
        self, name: str, args: MlflowTrackingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`args` are the settings of a stack; raises `WrongSettings` before anything is registered."""
        super().__init__(name, settings_of(args), opts)


class Host(ComponentProvider):
    """Hosts the component: its arguments are described as the settings are, and mistakes in them told."""

    def __init__(self) -> None:
        super().__init__([MlflowTracking], PACKAGE, version=VERSION)
        self.schema = json.dumps(
            described(json.loads(str(self.schema)), self._component_defs["MlflowTracking"])
        )

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Like the parent's; what is wrong with the arguments is told by argument."""
        # The SDK makes numbers of its own of what it takes for some, and fails at an output.
        if mistakes := early(inputs):
            raise _unusable(name, mistakes)
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, WrongSettings):
                raise
            raise _unusable(name, error.inner.mistakes) from error


def _unusable(name: str, mistakes: Iterable[Mistake]) -> InputPropertiesError:
    """What the engine shows by argument."""
    details: list[InputPropertyErrorDetails] = [
        {"property_path": mistake.key, "reason": f"given: {mistake.given}; accepted: {mistake.accepted}"}
        for mistake in mistakes
    ]
    return InputPropertiesError(f"{name} was given what it cannot use", details)


def described(schema: dict[str, Any], definition: Any) -> dict[str, Any]:
    """The schema with the settings' own words for its arguments, and with what is secret marked."""
    component = schema["resources"][COMPONENT]
    for key, field in definition.inputs_mapping.items():
        knob = about(field)
        component["inputProperties"][key]["description"] = _words(knob, default_of(field))
        if knob.secret:
            component["inputProperties"][key]["secret"] = True
    outputs = Analyzer(PACKAGE)
    for key, output in definition.outputs_mapping.items():
        component["properties"][key]["description"] = outputs.get_docstring(tracking.MlflowTracking, output)
        if output.startswith("admin_"):
            component["properties"][key]["secret"] = True
    return schema


def _words(knob: Knob, default: object) -> str:
    shown = "" if knob.secret or default in ("", [], {}) else f" Default: {json.dumps(default)}."
    return f"{knob.description} Accepts {knob.accepted}.{shown}"


def serve(args: list[str]) -> None:
    """Run as the engine's plugin, with the arguments that it gives, until it ends it."""
    main(Host(), args)
