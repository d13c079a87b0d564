"""The engine's part in unit tests: it records what a program registers, and answers like the providers."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import pulumi
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.mocks import test as _awaited
from pulumi.runtime.rpc import UNKNOWN

ADMIN = {"admin-user": "PlantedAdmin", "admin-password": "PlantedAdminPassword"}
LOGIN = {key: base64.b64encode(text.encode()).decode() for key, text in ADMIN.items()}
GENERATED = "PlantedGeneratedPassword"
STATUS = {
    "name": "mlflow",
    "namespace": "mlflow",
    "chart": "mlflow",
    "version": "5.1.17",
    "appVersion": "3.3.2",
    "revision": 1,
    "status": "deployed",
}

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a secret on the wire."""


@dataclass
class Registered:
    """One registered or read resource, with the options that the engine got."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    provider: str
    depends_on: set[str]
    id: str = ""
    hidden: set[str] = field(default_factory=set)
    """Outputs that the state keeps encrypted."""
    protected: bool = False


@dataclass
class Engine(Mocks):
    """Records every resource by its name; a preview answers nothing that is not known yet."""

    preview: bool = False
    login: Mapping[str, str] = field(default_factory=lambda: LOGIN)
    installed: bool = False
    """Whether the release exists before the program runs: then a preview knows ids, and no status."""
    resources: dict[str, Registered] = field(default_factory=dict)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "random:index/randomPassword:RandomPassword":
            outputs["result"] = GENERATED
        elif args.typ == "kubernetes:helm.sh/v3:Release":
            outputs["status"] = UNKNOWN if self.preview else STATUS
        elif args.resource_id:
            outputs["data"] = UNKNOWN if args.resource_id == UNKNOWN else self.login
        new = "" if self.preview and not self.installed else f"{args.name}-id"
        return args.resource_id or new, outputs

    def call(self, args: Any) -> Any:
        raise AssertionError(f"the program calls {args.token}: it should only register resources")

    def named(self, name: str) -> Registered:
        """The resource of that name."""
        return self.resources[name]

    def of_type(self, suffix: str) -> list[Registered]:
        """All resources whose type ends so."""
        return [resource for resource in self.resources.values() if resource.type.endswith(suffix)]


class _Monitor(MockMonitor):
    """Keeps what `Mocks` does not see: parent, provider, dependencies."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine

    def _record(self, request: Any, properties: Any, parent: str) -> None:
        from google.protobuf.json_format import MessageToDict

        self.engine.resources[request.name] = Registered(
            request.type,
            request.name,
            MessageToDict(properties),
            parent,
            request.provider,
            {urn.rsplit("::", 1)[1] for urn in request.dependencies},
            getattr(request, "id", ""),
            set(request.additionalSecretOutputs),
            getattr(request, "protect", False),
        )

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.type != "pulumi:pulumi:Stack":
            self._record(request, request.object, request.parent.rsplit("::", 1)[-1])
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        self._record(request, request.properties, request.parent.rsplit("::", 1)[-1])
        return super().ReadResource(request)  # type: ignore[no-untyped-call]


def start(
    config: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None, preview: bool = False
) -> Engine:
    """A fresh engine with a stack's configuration, as the language host hands it over."""
    engine = Engine(preview=preview)
    set_mocks(
        engine,
        project="mlflow",
        stack="test",
        preview=preview,
        logger=logging.getLogger("pulumi-engine"),
        monitor=_Monitor(engine),
    )
    given = {f"mlflow:{key}" if ":" not in key else key: value for key, value in (config or {}).items()}
    hidden = {f"mlflow:{key}": value for key, value in (secrets or {}).items()}
    pulumi.runtime.set_all_config({**given, **hidden}, list(hidden))
    return engine


_Params = ParamSpec("_Params")


def awaited(function: Callable[_Params, Any]) -> Callable[_Params, None]:
    """A test whose Output is awaited: an assert in an unawaited `apply` would pass in silence."""
    wrapped: Callable[_Params, None] = _awaited(function)  # type: ignore[no-untyped-call]
    return wrapped


def is_secret(value: Any) -> bool:
    """Whether an input went to the engine as a secret."""
    return isinstance(value, dict) and SECRET in value
