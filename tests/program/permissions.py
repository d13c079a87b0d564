"""MLflow's permissions as the hook sees them: experiments, runs, traces and models of two users."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from components.pod_permissions import hook
from components.pod_permissions.hook import WRITTEN_FOR

RUN, OTHERS_RUN = "a" * 32, "b" * 32
MODEL, OTHERS_MODEL = f"m-{'a' * 32}", f"m-{'b' * 32}"
FORBIDDEN, UNKNOWN = "403", "401"

LEVELS = {
    "NO_PERMISSIONS": (),
    "READ": ("can_read",),
    "EDIT": ("can_read", "can_update"),
    "MANAGE": ("can_read", "can_update", "can_delete", "can_manage"),
}


class MissingError(Exception):
    """MLflow's own error, for what is not there, and for what it cannot tell."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


@dataclass
class Request:
    """A request as Flask has it."""

    method: str
    rule: str
    view_args: dict[str, str] | None = None
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Any = None

    @property
    def url_rule(self) -> Any:
        return SimpleNamespace(rule=self.rule) if self.rule else None

    @property
    def args(self) -> Any:
        return SimpleNamespace(items=lambda multi: self.query)

    def get_json(self, force: bool, silent: bool) -> Any:
        assert force
        assert silent
        assert "upload-artifact" not in self.rule, "the body is an artifact"
        return self.body


class Store:
    """Runs, traces and models by the experiment that they are in: 1 is ada's, 2 is another's."""

    things: ClassVar = {
        RUN: "1",
        OTHERS_RUN: "2",
        "tr-ada": "1",
        "tr-other": "2",
        MODEL: "1",
        OTHERS_MODEL: "2",
    }

    def _found(self, name: str) -> str:
        if name not in self.things:
            raise MissingError(name)
        return self.things[name]

    def get_experiment(self, name: str) -> Any:
        place = {"1": "mlflow-artifacts:/1", "3": "s3://bucket/team/3"}.get(name, f"mlflow-artifacts:/{name}")
        return SimpleNamespace(artifact_location=place)

    def get_run(self, name: str) -> Any:
        uri = f"s3://of-a-run/{name}/artifacts"
        return SimpleNamespace(info=SimpleNamespace(experiment_id=self._found(name), artifact_uri=uri))

    def get_trace_info(self, name: str) -> Any:
        where = f"mlflow-artifacts:/{self._found(name)}/traces/{name}/artifacts"
        return SimpleNamespace(experiment_id=self._found(name), tags={"mlflow.artifactLocation": where})

    def get_logged_model(self, name: str) -> Any:
        place = f"s3://of-a-model/{name}/artifacts/"
        return SimpleNamespace(experiment_id=self._found(name), artifact_location=place)


class Row:
    """A permission on a registered model in MLflow's database."""


class Permissions:
    """Ada manages experiments 1 and 3, and the model `hers`; the rest is as `default_permission` says."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    @contextmanager
    def ManagedSessionMaker(self) -> Iterator[Any]:  # noqa: N802
        """A session that only deletes."""

        def query(rows: Any) -> Any:
            assert rows is Row
            return SimpleNamespace(
                filter_by=lambda name: SimpleNamespace(delete=lambda: self.forgotten.append(name))
            )

        yield SimpleNamespace(query=query)

    def get_user(self, username: str) -> Any:
        return SimpleNamespace(is_admin=username == "admin")

    def get_experiment_permission(self, experiment: str, username: str) -> Any:
        if username != "ada" or experiment not in ("1", "3"):
            raise MissingError
        return SimpleNamespace(permission="MANAGE")

    def get_registered_model_permission(self, name: str, username: str) -> Any:
        if (name, username) != ("hers", "ada"):
            raise MissingError
        return SimpleNamespace(permission="MANAGE")


def own(request: Request) -> bool:
    """Whether MLflow checks a request itself."""
    ends = (
        "/runs/get",
        "/registered-models/rename",
        "/runs/log-metric",
        "/runs/log-batch",
        "/experiments/delete",
        "/registered-models/delete",
    )
    return request.rule.endswith(ends) and request.method != "HEAD"


class Server:
    """The hook in its surroundings, with MLflow's own validator on one route."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: str = WRITTEN_FOR) -> None:
        auth: Any = ModuleType("mlflow.server.auth")
        auth.store, auth.MlflowException = Permissions(), MissingError
        auth.auth_config = SimpleNamespace(default_permission="NO_PERMISSIONS")
        auth.make_forbidden_response = lambda: FORBIDDEN
        auth.authenticate_request_basic_auth = self.login
        auth._find_validator = lambda request: "a validator" if own(request) else None
        auth._get_tracking_store = Store
        auth.get_permission = lambda level: SimpleNamespace(
            **{action: action in LEVELS[level] for action in LEVELS["MANAGE"]}
        )
        auth._get_permission_from_store_or_default = self._or_default
        self.auth, self.user, self.later = auth, "ada", list[Callable[[Any], Any]]()
        flask: Any = ModuleType("flask")
        flask.after_this_request = self.later.append
        self.flask = flask
        handlers: Any = ModuleType("mlflow.server.handlers")
        handlers.search_model_versions_impl = lambda names: SimpleNamespace(
            model_versions=[SimpleNamespace(name=name) for name in names]
        )
        self.handlers = handlers
        modules = {
            "flask": self.flask,
            "mlflow.server.handlers": handlers,
            "mlflow.server.auth.db.models": SimpleNamespace(SqlRegisteredModelPermission=Row),
            "mlflow.server.auth": auth,
            "mlflow.version": SimpleNamespace(VERSION=version),
        }
        for name, fake in modules.items():
            monkeypatch.setitem(sys.modules, name, fake)
        importlib.invalidate_caches()
        self.hook = hook.chosen()

    def _or_default(self, asked: Callable[[], str]) -> Any:
        try:
            return self.auth.get_permission(asked())
        except MissingError:
            return self.auth.get_permission(self.auth.auth_config.default_permission)

    def login(self) -> Any:
        return SimpleNamespace(username=self.user) if self.user else UNKNOWN

    def ask(self, request: Request, user: str = "ada", default: str = "NO_PERMISSIONS") -> bool:
        """Whether a user's request gets past the hook, at each time that MLflow asks."""
        self.auth.auth_config.default_permission = default
        self.auth.request, self.user, self.flask.g = request, user, SimpleNamespace()
        answer = self.hook()
        assert answer == FORBIDDEN or answer.username == user
        if answer != FORBIDDEN:
            assert self.hook().username == user
        return bool(answer != FORBIDDEN)

    def versions(self, *names: str) -> list[str]:
        """The names of the models of the versions that a search finds for the user of the last request."""
        answer = self.handlers.search_model_versions_impl(names)
        return [version.name for version in answer.model_versions]

    def answered(self, name: str, status: int = 200) -> list[str]:
        """Whose permissions are forgotten when the last request has made a model of this name."""
        text = json.dumps({"registered_model": {"name": name}} if status == 200 else {})
        response = SimpleNamespace(status_code=status, get_data=lambda as_text: text)
        assert self.later.pop()(response) is response
        gone = list(self.auth.store.forgotten)
        self.auth.store.forgotten.clear()
        return gone
