"""The stores are asked without a word of a secret in what comes back."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from ops import asking, cluster, pod_diagnosis
from ops.console import OpsError
from ops.redact import redact
from ops.snapshot import Answer
from tests.unit.objects import SETTINGS, container, pod, snapshot
from tests.unit.readings.seen import EXTERNAL

RUNS = {"startedAt": "2026-11-25T01:00:00Z"}
WAITS = snapshot({"pods": [pod(init=[container("wait-for-s3", running=RUNS)])]})
SERVES = snapshot({"pods": [pod(containers=[container(running=RUNS)])]})


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (
            "postgresql://bn_mlflow:abc$D@mlflow-postgresql:5432/x",
            "postgresql://bn_mlflow:***@mlflow-postgresql:5432/x",
        ),
        ("password=hunter2 host=x", "password=*** host=x"),
        ("admin-password: abc", "admin-password: ***"),
        ('"secretKey": "abc"', '"secretKey": "***"'),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("?X-Amz-Signature=abcdef&y=1", "?X-Amz-Signature=***&y=1"),
        ("?token=abc", "?token=***"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "key ***"),
        ("id 0123456789abcdef0123.", "id ***."),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, safe: str) -> None:
    assert redact(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        'secret "mlflow-s3-creds" not found',
        "couldn't find key AWS_ACCESS_KEY_ID in Secret mlflow/mlflow-s3-creds",
        'FATAL:  password authentication failed for user "bn_mlflow"',
        "failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
        "namespace/mlflow-secret: phase Terminating",
        'MountVolume.SetUp failed for volume "postgresql-password" : secret "mlflow-database" not found',
        'pods "mlflow-tracking-6b9f7c8d5c-x2x4z" is forbidden: exceeded quota: q',
        'Back-off pulling image "localhost:5000/bitnami/mlflow:3.3.2-debian-12-r0"',
    ],
)
def test_what_a_person_needs_to_read_stays(text: str) -> None:
    assert redact(text) == text


class Executed:
    """A command in a container, as the stream of the API gives it."""

    def __init__(self, code: int | None, stderr: str = "") -> None:
        self.returncode, self._stderr = code, stderr

    def run_forever(self, timeout: float) -> None:
        assert timeout > asking._SECONDS

    def read_stderr(self) -> str:
        return self._stderr


def asked(monkeypatch: pytest.MonkeyPatch, result: Executed | Exception) -> list[Any]:
    """What a command in a container will give; how it was asked for afterwards."""
    given: list[Any] = []

    @contextmanager
    def executed(_: object, *what: object) -> Iterator[Executed]:
        given.extend(what)
        if isinstance(result, Exception):
            raise result
        yield result

    monkeypatch.setattr(cluster, "executed", executed)
    return given


API: Any = None


def test_a_waiting_init_container_is_asked_what_the_port_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given = asked(monkeypatch, Executed(1, "bash: connect: Connection refused\n"))
    answers = asking.ports(API, WAITS, SETTINGS)
    told = "s3.example.com:9000: bash: connect: Connection refused"
    assert answers == {"wait-for-s3": Answer("unreachable", told, "pod/mlflow-tracking-1-a/wait-for-s3")}
    assert given[:3] == ["mlflow", "mlflow-tracking-1-a", "wait-for-s3"]
    assert given[3][-2:] == ["s3.example.com", "9000"]


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Executed(124), "unreachable"),
        (Executed(0), ""),
        (Executed(127, "no timeout"), ""),
        (Executed(None), None),
        (ApiException(status=404), None),
    ],
)
def test_no_answer_in_time_counts_and_no_look_does_not(
    monkeypatch: pytest.MonkeyPatch, result: Executed | Exception, code: str | None
) -> None:
    asked(monkeypatch, result)
    answers = asking.ports(API, WAITS, SETTINGS)
    assert [answer.code for answer in answers.values()] == ([] if code is None else [code])


@pytest.mark.parametrize(
    "wrong",
    [
        {"s3Endpoint": "ftp://s3.example.com"},
        {"s3Endpoint": "http://s3.example.com:99999"},
        {"database": "external", "databaseHost": "db", "databasePort": "x"},
        {"database": "external"},
    ],
)
def test_settings_that_are_wrong_are_not_asked_by(wrong: dict[str, str]) -> None:
    """A diagnosis goes on: the program itself names them."""
    assert asking._targets(wrong) == {}


def test_ports_are_the_scheme_s_and_an_own_database_is_not_asked() -> None:
    https = {**SETTINGS, "s3Endpoint": "https://s3.example.com"}
    assert asking._targets(https) == {"wait-for-s3": ("s3.example.com", 443)}
    assert asking._targets(EXTERNAL) == {"wait-for-database": ("db.example.com", 5432)}


def test_the_server_s_pod_is_asked_about_its_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def python(_: object, namespace: str, pod: str, source: str, seconds: float) -> Iterator[Any]:
        assert (namespace, pod) == ("mlflow", "mlflow-tracking-1-a")
        assert "list_objects_v2" in source
        yield lambda: {"store": {"code": "NoSuchBucket", "message": "password=x"}}

    monkeypatch.setattr(cluster, "python_in_pod", python)
    told = asking.stores(API, SERVES)
    assert told == {"store": Answer("NoSuchBucket", "password=***", "pod/mlflow-tracking-1-a/mlflow")}


def test_a_pod_that_ends_meanwhile_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OpsError("it has ended")

    monkeypatch.setattr(cluster, "python_in_pod", fails)
    assert asking.stores(API, SERVES) == {}
    assert asking.stores(API, WAITS) == {}


class S3(BaseHTTPRequestHandler):
    """An S3 service that refuses a key."""

    def do_GET(self) -> None:
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), S3)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_here_a_refused_key_is_told_and_silence_is_not(endpoint: str) -> None:
    settings = {**SETTINGS, "s3Endpoint": endpoint}
    told = asking.from_here(settings, ("id", "key"))
    assert told == {"store": Answer("InvalidAccessKeyId", "no such key", "from this machine")}
    assert asking.from_here({**settings, "s3Endpoint": "http://127.0.0.1:9"}, ("id", "key")) == {}


def _secrets(data: dict[str, str] | None) -> Any:
    def read(name: str, namespace: str) -> Any:
        assert namespace == "mlflow"
        if data is None:
            raise ApiException(status=403)
        return SimpleNamespace(
            data={key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        )

    return SimpleNamespace(read_namespaced_secret=read)


def test_the_keys_are_those_of_the_secret_that_the_server_gets() -> None:
    own = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert asking.s3_keys(_secrets(own), "mlflow", "mlflow", SETTINGS) == ("id", "key")
    named = {**SETTINGS, "s3ExistingSecret": "theirs", "s3ExistingSecretAccessKeyIdKey": "user"}
    theirs = {"user": "them", "AWS_SECRET_ACCESS_KEY": "key"}
    assert asking.s3_keys(_secrets(theirs), "mlflow", "mlflow", named) == ("them", "key")
    assert asking.s3_keys(_secrets({}), "mlflow", "mlflow", SETTINGS) is None
    assert asking.s3_keys(_secrets(None), "mlflow", "mlflow", SETTINGS) is None


def test_in_the_pod_an_error_has_its_code_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgresql://bn_mlflow:Pa55word@mlflow-postgresql/bitnami_mlflow"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "plantedkey")

    def fails(_: str) -> None:
        raise ConnectionError(f"cannot use {uri}\nwith plantedkey")

    told = pod_diagnosis._asked(fails, uri, pod_diagnosis._secrets(uri, ""))
    assert told["code"] == "ConnectionError"
    assert "Pa55word" not in told["message"]
    assert "plantedkey" not in told["message"]
    assert told["message"].startswith("cannot use postgresql://bn_mlflow:***@mlflow-postgresql")


def test_in_the_pod_what_works_has_no_code(tmp_path: Path) -> None:
    works = {"code": "", "message": ""}
    assert pod_diagnosis._asked(pod_diagnosis._store, str(tmp_path), []) == works
    assert pod_diagnosis._asked(pod_diagnosis._store, "", []) == works
    assert pod_diagnosis._asked(pod_diagnosis._database, "sqlite://", []) == works
    gone = pod_diagnosis._asked(pod_diagnosis._store, str(tmp_path / "none"), [])
    assert gone["code"] == "PermissionError"


def test_in_the_pod_s3_s_own_code_is_told(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "MLFLOW_S3_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert pod_diagnosis._asked(pod_diagnosis._store, "s3://mlflow/a", [])["code"] == "InvalidAccessKeyId"


def test_in_the_pod_all_three_are_asked_by_the_server_s_own_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ini = tmp_path / "basic_auth.ini"
    ini.write_text("[mlflow]\ndatabase_uri = sqlite://\n")
    arguments = ["mlflow", "server", "--backend-store-uri=sqlite://", f"--artifacts-destination={tmp_path}"]
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(ini))
    monkeypatch.setattr(sys, "stdin", io.StringIO("[]\n"))
    read = Path.read_text

    def text(path: Path, *args: Any, **options: Any) -> str:
        return "\0".join(arguments) if path == Path("/proc/1/cmdline") else read(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", text)
    pod_diagnosis.main()
    works = {"code": "", "message": ""}
    assert json.loads(capsys.readouterr().out) == {"database": works, "users": works, "store": works}
