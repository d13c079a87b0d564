"""Each fault planted for real; `diagnose` names it first, within 30 s of its showing."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components import names
from lab import api
from lab.cluster.services import STORAGE_CLASSES
from ops import forward, recover, watch
from ops.console import OpsError
from ops.forward import Service
from tests.e2e.containers import wait
from tests.e2e.deployment import Deployment, run
from tests.e2e.machine import within
from tests.e2e.planted import Bucketed, Planted, applied, cluster, private_registry, shown
from tests.ports import stolen

pytestmark = pytest.mark.usefixtures("shell")
NAME = "mlflow-diagnose"
"""Start of every namespace, and name of what the whole cluster sees."""
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def selected(label: str) -> str:
    """`extraValues` that bind all pods to nodes with a label."""
    chosen = {"nodeSelector": {label: "yes"}}
    return json.dumps({"tracking": chosen, "postgresql": {"primary": chosen}})


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": NAME, "labels": {NAME: "yes"}},
    "spec": {},
}
"""A node that no kubelet speaks for."""
TIGHT = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "tight", "namespace": f"{NAME}-quota"},
    "spec": {"hard": {"requests.memory": "100Mi", "limits.memory": "200Mi"}},
}


@pytest.fixture(scope="class")
def stacks(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Planted]]:
    """All of them, each with its `pulumi up` in the background; all are destroyed."""
    with ExitStack() as around, ThreadPoolExecutor() as side_by_side:
        registry = around.enter_context(private_registry(tmp_path_factory.mktemp("registry")))
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{NAME}-quota"}}
        around.enter_context(applied(space, TIGHT, NODE))
        faults: dict[str, dict[str, str | None]] = {
            "class": {"storageClass": "none-such"},
            "quota": {"createNamespace": "false"},
            "login": {"imageOsShell": f"{registry}/private/os-shell:12"},
            "node": {"extraValues": selected(NAME)},
            "room": {
                "trackingResources": '{"requests": {"cpu": "", "memory": "900Gi"}, "limits": {"memory": ""}}'
            },
            "chart": {"chartVersion": "5.1.170"},
            "secret": {"databaseExistingSecret": "none-such"},
        }
        made = {
            fault: Planted(tmp_path_factory.mktemp(fault), f"{NAME}-{fault}", settings)
            for fault, settings in faults.items()
        }
        try:
            for planted in made.values():
                planted.begin()
            yield made
        finally:
            list(side_by_side.map(Planted.destroy, made.values()))


@pytest.mark.alone
class TestBeforeTheServerRuns:
    """Faults that keep pods from starting; each in a stack of its own, all at once."""

    @staticmethod
    def begun(planted: Planted) -> None:
        """The cluster has been asked for the pods."""
        shown(lambda: "mlflow-postgresql" in planted.kubectl("get", "statefulsets", "-o", "name"))

    @pytest.mark.bar
    @pytest.mark.parametrize(
        ("fault", "cause", "told"),
        [
            ("class", "storage-class-missing", '"none-such"'),
            ("quota", "quota-exceeded", "Quota tight"),
            ("login", "registry-credentials", "localhost:"),
            ("node", "node-not-ready", f"Node {NAME}"),
            ("room", "unschedulable", "memory"),
            ("secret", "secret-missing", "none-such"),
        ],
    )
    def test_a_fault_that_keeps_pods_from_starting(
        self, stacks: dict[str, Planted], fault: str, cause: str, told: str
    ) -> None:
        planted = stacks[fault]
        self.begun(planted)
        assert told in planted.named(cause).first["what"]

    @pytest.mark.bar
    def test_a_chart_that_is_not_there(self, stacks: dict[str, Planted]) -> None:
        """`pulumi up` has failed; nothing is in the cluster but the namespace and the Secrets."""
        planted = stacks["chart"]
        process = planted._running
        assert process is not None
        assert process.wait(60) != 0
        first = planted.named("chart-not-found").first
        assert "5.1.170" in first["what"]

    @pytest.mark.bar
    def test_no_default_storage_class(self, deployment: Deployment, tmp_path: Path) -> None:
        """The lab's default is taken away for the seconds in which the claim is made and looked at."""
        planted = Planted(tmp_path, f"{NAME}-default", {"storageClass": None})
        try:
            planted.begin()
            shown(lambda: bool(planted.kubectl("get", "secrets", "-o", "name")))
            with self.no_default():
                shown(lambda: bool(planted.kubectl("get", "pvc", "-o", "name")))
                planted.named("no-default-storage-class")
        finally:
            planted.destroy()

    @staticmethod
    @contextmanager
    def no_default() -> Iterator[None]:
        where = ("annotate", "--overwrite", "storageclass", STORAGE_CLASSES[0])
        began = time.monotonic()
        cluster(*where, f"{DEFAULT}=false")
        try:
            yield
        finally:
            cluster(*where, f"{DEFAULT}=true")
            print(f"\nthe cluster had no default class for {time.monotonic() - began:.1f} s")


class TestARunThatIsEndedEarly:
    """`make up` does not wait for what cannot come."""

    @pytest.mark.bar
    def test_it_ends_in_order_names_the_cause_and_goes_on_once_that_is_mended(
        self, server: Planted, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An image at its dead path: minutes before, seconds now. No lock, no pending operation is left."""
        began = time.monotonic()
        with pytest.raises(OpsError, match="Bitnami moved"):
            watch.up(server.stack, server.stack.config())
        seconds = time.monotonic() - began
        told = capsys.readouterr().err
        assert "ended early" in told
        assert "pulumi config set imageOsShell localhost:5000/bitnamilegacy/os-shell" in told
        bar = within(60)
        print(
            f"`pulumi up` was ended after {seconds:.1f} s (bar 60 s, here {bar:.0f}; Helm's timeout is 600 s)"
        )
        assert seconds < bar
        assert not recover.stuck(server.stack)
        server.set("rm", "imageOsShell")
        watch.up(server.stack, server.stack.config())
        assert "image-moved" not in [one["name"] for one in server.diagnose()[1]["causes"]]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucketed]:
    """An S3 server that knows another key than the stack has."""
    made = Bucketed(tmp_path_factory.mktemp("s3"), NAME)
    made.start("the-right-id", "the-right-key")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(
    deployment: Deployment, s3: Bucketed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    """A stack that will run, with a wrong S3 key, and at first an image at a dead path."""
    settings: dict[str, str | None] = {
        "s3Endpoint": s3.url,
        "s3Bucket": NAME,
        "imageOsShell": "localhost:5000/bitnami/os-shell:12",
    }
    keys = {"s3AccessKeyId": "the-stacks-id", "s3SecretAccessKey": "the-stacks-key"}
    made = Planted(tmp_path_factory.mktemp("server"), NAME, settings, **keys)
    yield made
    made.destroy()


class TestWhileTheServerRuns:
    """Faults in what a running server stands on. In order: each is mended for the next."""

    @pytest.mark.bar
    def test_a_wrong_s3_key(self, server: Planted, s3: Bucketed) -> None:
        """MLflow starts with any key; the first artifact would fail."""
        server.named("s3-key-wrong")
        s3.start("the-stacks-id", "the-stacks-key")
        code, said = server.diagnose()
        assert (code, said["causes"]) == (0, [])
        assert "the artifact store answers" in said["works"]

    @pytest.mark.bar
    def test_a_bucket_that_is_not_there(self, server: Planted, s3: Bucketed) -> None:
        s3.lose()
        assert f'"{NAME}"' in server.named("s3-bucket-missing").first["what"]
        s3.find()

    @pytest.mark.bar
    def test_s3_out_of_reach_of_a_server_that_runs(self, server: Planted, s3: Bucketed) -> None:
        s3.stop()
        assert s3.url in server.named("s3-unreachable").first["what"]

    @pytest.mark.bar
    def test_s3_out_of_reach_of_a_server_that_starts(self, server: Planted, s3: Bucketed) -> None:
        """The init container waits, without a word."""
        server.kubectl("delete", "pod", "-l", "app.kubernetes.io/component=tracking")
        pods = ("get", "pods", "-l", "app.kubernetes.io/component=tracking", "-o", "json")
        shown(lambda: '"name": "wait-for-s3"' in _started(json.loads(server.kubectl(*pods))))
        server.named("s3-unreachable")
        s3.start("the-stacks-id", "the-stacks-key")
        self.works(server)

    @staticmethod
    def works(server: Planted) -> None:
        """A pod of the server is ready again."""
        ready = ("get", "deployment", names.tracking("mlflow"), "-o", "jsonpath={.status.readyReplicas}")
        wait(lambda: server.kubectl(*ready) == "1", 180)

    @pytest.mark.bar
    def test_a_port_forward_whose_port_somebody_else_has(self, server: Planted) -> None:
        """In `make up` the other port is told with who has the first; in a diagnosis, who took it later."""
        service = Service("mlflow-lab", NAME, names.tracking("mlflow"), 80, api.environ()["KUBECONFIG"])
        record = server.home.forward
        try:
            port = _forwarded(service, record)
            with stolen(record, port):
                first = server.named("port-forward-taken").first
                assert f"(pid {os.getpid()})" in first["what"]
                assert _forwarded(service, record) != port, "the next `make up` goes elsewhere"
        finally:
            forward.stop(record)

    @pytest.mark.bar
    def test_an_ingress_class_that_is_not_there(self, server: Planted) -> None:
        """`pulumi up` ends well; nothing serves the host."""
        for key, value in {"ingressHost": "mlflow.test", "ingressClass": NAME, "ingressTls": "false"}.items():
            server.set("set", key, value)
        server.up()
        assert f'"{NAME}"' in server.named("ingress-class-missing").first["what"]

    @pytest.mark.bar
    def test_an_issuer_that_is_not_there(self, server: Planted) -> None:
        """cert-manager and the default ingress class are there, and this ClusterIssuer is not."""
        for key in ("ingressTls", "ingressClass"):
            server.set("rm", key)
        server.set("set", "ingressClusterIssuer", "none-such")
        server.up()
        told = server.named("issuer-missing").first["what"]
        assert told.startswith('ClusterIssuer "none-such" does not exist (existing: lab, letsencrypt)')
        for key in ("ingressHost", "ingressClusterIssuer"):
            server.set("rm", key)
        server.up()

    @pytest.mark.bar
    def test_a_database_password_that_does_not_match(self, server: Planted) -> None:
        """The Secret was changed, and the database's volume has the old password."""
        secret = names.own("mlflow", names.DATABASE_SECRET)
        old = json.loads(server.kubectl("get", "secret", secret, "-o", "json"))["data"]
        self._patch(server, secret, {key: base64.b64encode(b"another").decode() for key in old})
        server.kubectl("delete", "pod", "-l", "app.kubernetes.io/component=tracking")
        try:
            shown(lambda: "upgrade-db-auth" in _failing(server))
            named = server.named("database-password")
        finally:
            self._patch(server, secret, old)
        told = json.dumps(named.said)
        assert all(base64.b64decode(text).decode() not in told for text in old.values())

    @staticmethod
    def _patch(server: Planted, secret: str, data: Mapping[str, str]) -> None:
        server.kubectl("patch", "secret", secret, "--patch-file=/dev/stdin", stdin=json.dumps({"data": data}))

    @pytest.mark.bar
    def test_too_little_memory(self, server: Planted) -> None:
        """The kernel ends what the server's image starts."""
        little = {"requests": {"cpu": "", "memory": "64Mi"}, "limits": {"memory": "80Mi"}}
        server.set("set", "trackingResources", json.dumps(little))
        server.begin()
        shown(lambda: "OOMKilled" in server.kubectl("get", "pods", "-o", "json"))
        first = server.named("out-of-memory").first
        assert "trackingResources.limits.memory" in first["fix"]
        server.end()


def _started(listed: Mapping[str, Any]) -> str:
    """The init containers that run, as JSON."""
    found = [one for pod in listed["items"] for one in pod["status"].get("initContainerStatuses", [])]
    return json.dumps([one for one in found if "running" in one["state"]])


def _failing(server: Planted) -> str:
    """The init containers that have failed, as JSON."""
    pods = json.loads(server.kubectl("get", "pods", "-o", "json"))["items"]
    found = [one for pod in pods for one in pod["status"].get("initContainerStatuses", [])]
    ends = [(one["name"], {**one["state"], **one["lastState"]}.get("terminated", {})) for one in found]
    return json.dumps([name for name, end in ends if end.get("exitCode")])


def _forwarded(service: Service, record: Path) -> int:
    """A forward that outlives its starter, as after `make up`; its port."""
    start = "import sys; from pathlib import Path; from ops.forward import Service, start\n"
    start += "print(start(Service(*sys.argv[2:]), Path(sys.argv[1]), Path(sys.argv[1] + '.log')))"
    given = (service.context, service.namespace, service.name, str(service.port), service.kubeconfig)
    return int(run(sys.executable, "-c", start, str(record), *given).split()[-1])
