"""What `rotate` changes: a stack, Secrets, MLflow, PostgreSQL, the store. It can be cut at any change."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from kubernetes.client.exceptions import ApiException

from components.tokens import PASSWORD
from ops import recover
from ops.console import OpsError
from ops.rotation import admin, rollout, store
from ops.rotation.login_text import opened
from ops.rotation.postgres import ADMIN, Postgres
from ops.stack import Stack
from ops.verify import Deployment

LOGIN, DATABASE, PENDING, STORE = "mlflow-tracking", "mlflow-database", "mlflow-rotation", "mlflow-s3-creds"
CLIENT = httpx.Client
RULES = "host all all all scram-sha-256\n"
CONFIG = {
    "context": "lab",
    "namespace": "mlflow",
    "releaseName": "mlflow",
    "timeout": "600",
    "database": "subchart",
    "databaseExistingSecret": "",
    "artifactStore": "s3",
    "workloadIdentity": "false",
    "s3ExistingSecret": "",
    "trackingVolume": "false",
    "trackingVolumeAccessMode": "ReadWriteOnce",
}


class CutError(Exception):
    """The rotation was killed."""


class World:
    """All that a rotation changes. `cut` names the change at which it is killed, before or after it."""

    def __init__(self, **config: str) -> None:
        self.config = {**CONFIG, **config}
        self.database = self.config["databaseExistingSecret"] or DATABASE
        self.secrets: dict[str, dict[str, str]] = {
            LOGIN: {"admin-user": "user", "admin-password": "FirstAdmin", "flask-server-secret-key": "f"},
            self.database: {"password": "FirstUser", "postgres-password": "FirstSuper"},
            STORE: {"id": "first-id", "key": "first-key"},
        }
        self.mlflow = "FirstAdmin"
        self.outputs = "FirstAdmin"
        self.roles = {"bn_mlflow": "FirstUser", ADMIN: "FirstSuper"}
        self.rules = RULES
        self.keys = ("first-id", "first-key")
        """The store's keys in the stack's file."""
        self.valid = {self.keys, ("second-id", "second-key")}
        """What the store accepts."""
        self.pod = self._started()
        self.undeployed = False
        self.protected: set[str] = set()
        """The resources that the engine does not replace."""
        self.changes: list[str] = []
        self.cut: tuple[int, str] | None = None
        self.late: int | None = None
        """The change after which a pod that began to start before all sets the first password again."""
        self.numbers = itertools.count(2)

    def _started(self) -> dict[str, str]:
        """What a pod that starts now takes from the Secrets."""
        return {"database": self.secrets[self.database]["password"], **self.secrets[STORE]}

    @contextmanager
    def changing(self, what: str) -> Iterator[None]:
        """One change, in one piece."""
        self.changes.append(what)
        now = len(self.changes) - 1
        if self.cut == (now, "before"):
            raise CutError
        yield
        if self.late == now:
            self.mlflow = "FirstAdmin"
        if self.cut == (now, "after"):
            raise CutError

    def restart(self) -> None:
        """New pods: they must get into the database."""
        with self.changing("restart"):
            started = self._started()
            assert started["database"] == self.roles["bn_mlflow"], "the new pods cannot start"
            self.pod = started

    def serves(self) -> None:
        """The running pods get new connections to the database, and into the store, at every moment."""
        assert self.pod["database"] == self.roles["bn_mlflow"] or "198.18.0.7" in self.rules
        assert (self.pod["id"], self.pod["key"]) in self.valid


class Cluster:
    """The Kubernetes API."""

    def __init__(self, world: World) -> None:
        self.world = world

    def read_namespaced_secret(self, name: str, namespace: str) -> Any:
        assert namespace == "mlflow"
        if name not in self.world.secrets:
            raise ApiException(status=404)
        texts = self.world.secrets[name].items()
        return SimpleNamespace(data={key: base64.b64encode(text.encode()).decode() for key, text in texts})

    def patch_namespaced_secret(self, name: str, namespace: str, body: Any) -> None:
        with self.world.changing(f"patch {name}"):
            for key, text in body["data"].items():
                if text is None:
                    self.world.secrets[name].pop(key)
                else:
                    self.world.secrets[name][key] = base64.b64decode(text).decode()

    def create_namespaced_secret(self, namespace: str, body: Any) -> None:
        if body.metadata.name in self.world.secrets:
            raise ApiException(status=409)
        with self.world.changing(f"create {body.metadata.name}"):
            texts = {key: base64.b64decode(text).decode() for key, text in body.data.items()}
            self.world.secrets[body.metadata.name] = texts

    def delete_namespaced_secret(self, name: str, namespace: str) -> None:
        with self.world.changing(f"delete {name}"):
            del self.world.secrets[name]


class RotatedStack(Stack):
    """The stack, and what `pulumi` does with it."""

    def __init__(self, world: World) -> None:
        super().__init__("dev")
        object.__setattr__(self, "world", world)

    world: World

    def read(self, *args: str, stdin: str = "") -> str:
        world = self.world
        match args:
            case ("preview", "--expect-no-changes"):
                if world.undeployed:
                    raise OpsError("no changes were expected but changes were proposed")
            case ("stack", "export"):
                urns = ("urn::user", "urn::admin")
                made = [{"urn": urn, "type": PASSWORD, "protect": urn in world.protected} for urn in urns]
                return json.dumps({"deployment": {"resources": [*made, {"urn": "urn::x", "type": "other"}]}})
            case ("state", "unprotect", urn, "--yes"):
                world.protected.remove(urn)
            case ("up", *options):
                self._up(options)
            case ("config", "get", key):
                return f"{world.keys[store.SETTINGS.index(key)]}\n"
            case _:
                raise AssertionError(args)
        return ""

    def _up(self, options: list[str]) -> None:
        world = self.world
        replaced = [option for option in options if option.startswith("--replace=")]
        if replaced:
            assert replaced == ["--replace=urn::user", "--replace=urn::admin"]
            assert not world.protected, "unable to replace resource as it is currently marked for protection"
            with world.changing("new passwords"):
                number = next(world.numbers)
                made = {"password": f"User{number}", "postgres-password": f"Super{number}"}
                world.secrets[world.database] = made
        with world.changing("up"):
            world.outputs = world.secrets[LOGIN]["admin-password"]
            if tuple(world.secrets[STORE].values()) != world.keys:
                world.secrets[STORE] = dict(zip(("id", "key"), world.keys, strict=True))
                world.pod = world._started()
        world.serves()

    def outputs(self) -> dict[str, Any]:
        return {"admin_username": "user", "admin_password": self.world.outputs}

    def config(self) -> dict[str, str]:
        return self.world.config


class Database:
    """PostgreSQL as `ops.rotation.postgres` shows it."""

    role = "bn_mlflow"

    def __init__(self, world: World) -> None:
        self.world = world

    def accepts(self, role: str, password: str) -> bool:
        return self.world.roles[role] == password

    def check_rules(self, password: str) -> None:
        assert self.accepts(ADMIN, password)

    def others(self, password: str, addresses: Collection[str]) -> set[str]:
        assert self.accepts(ADMIN, password)
        return set()

    def let_in(self, password: str, addresses: Collection[str]) -> None:
        assert self.accepts(ADMIN, password)
        with self.world.changing("rules"):
            self.world.rules = opened(self.world.rules, self.role, ("a", "b"), addresses)
        self.world.serves()

    def set_passwords(self, password: str, wanted: Mapping[str, str]) -> None:
        assert self.accepts(ADMIN, password)
        with self.world.changing("roles"):
            self.world.roles = dict(wanted)
        self.world.serves()


def put_in_place(world: World, patch: pytest.MonkeyPatch) -> RotatedStack:
    """Let `ops.rotate` meet the world; its stack."""

    def answer(request: httpx.Request) -> httpx.Response:
        user, _, password = base64.b64decode(request.headers["authorization"][6:]).decode().partition(":")
        assert user == "user"
        if password != world.mlflow:
            return httpx.Response(401)
        if request.method == "PATCH":
            with world.changing("mlflow"):
                asked = json.loads(request.content)
                assert asked["username"] == "user"
                assert len(asked["password"]) >= 12
                world.mlflow = asked["password"]
        return httpx.Response(200)

    @contextmanager
    def reachable(outputs: Mapping[str, Any], config: Mapping[str, str]) -> Iterator[Deployment]:
        yield Deployment("http://mlflow", "user", outputs["admin_password"], config, "mlflow", "mlflow")

    def tried(target: Any, pair: store.Pair) -> bool:
        if pair not in world.valid:
            raise OpsError("the store refuses these keys (put: InvalidAccessKeyId)")
        return pair == (world.pod["id"], world.pod["key"])

    def configure(stack: Stack, pair: store.Pair) -> None:
        with world.changing("config"):
            world.keys = pair

    patch.setattr(httpx, "Client", lambda: CLIENT(transport=httpx.MockTransport(answer)))
    patch.setattr(admin, "reachable", reachable)
    patch.setattr(Postgres, "of", lambda target: Database(world))
    patch.setattr(rollout, "addresses", lambda target: iter(["198.18.0.7"]))
    patch.setattr(rollout, "restart", lambda target: world.restart())
    patch.setattr(rollout, "uids", lambda target: {str(id(world.pod))})
    patch.setattr(rollout, "gone", lambda target, old: None)
    patch.setattr(store, "_tried", tried)
    patch.setattr(store, "configure", configure)
    patch.setattr(recover, "stuck", lambda stack: False)
    patch.setattr("ops.cluster.connect", lambda config: Cluster(world))
    return RotatedStack(world)
