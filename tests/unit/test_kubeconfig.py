"""A kubeconfig and a proxy lead Python's client where they lead `kubectl`, or it is said what cannot be."""

from __future__ import annotations

import json
import os
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

import ops.__main__
from ops import cluster, kubeconfig
from ops.console import OpsError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig, and an environment that names neither that nor a proxy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    proxies = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in ("KUBECONFIG", *proxies, *map(str.upper, proxies)):
        # Set first: what a command sets goes with the test, too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


def write(file: Path, server: str = "https://api.example:6443", user: Any = None, **of_cluster: Any) -> str:
    """A kubeconfig with the context `lab`; its path."""
    content = {
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "jane"}}],
        "clusters": [{"name": "lab", "cluster": {"server": server, **of_cluster}}],
        "users": [{"name": "jane", "user": user or {"token": "t"}}],
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))
    return str(file)


class Proxy(ThreadingHTTPServer):
    """Lets nobody through, and keeps with which login each asked; None: without."""

    logins: list[str | None]
    address: str


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    class Refuses(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            made.logins.append(self.headers["Proxy-Authorization"])
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    with Proxy(("127.0.0.1", 0), Refuses) as made:
        made.logins, made.address = [], f"127.0.0.1:{made.server_port}"
        threading.Thread(target=made.serve_forever, args=[0.01]).start()
        yield made
        made.shutdown()


def exec_(settings: dict[str, str]) -> None:
    with cluster.executed(cluster.connect(settings), "mlflow", "pod", "mlflow", ["true"]):
        pass


@pytest.mark.parametrize("named", ["in the environment", "in the kubeconfig"])
def test_a_proxy_gets_its_login_from_requests_and_from_an_exec(
    home: Path, monkeypatch: pytest.MonkeyPatch, proxy: Proxy, named: str
) -> None:
    """The user is `jane`, her password `p@ss`."""
    url = f"http://jane:p%40ss@{proxy.address}"
    by = {} if named == "in the environment" else {"proxy-url": url}
    if not by:
        monkeypatch.setenv("HTTPS_PROXY", url)
    settings = {"context": "lab", "kubeconfig": write(home / "config", **by)}
    with pytest.raises(HTTPError):
        cluster.connect(settings).read_namespaced_pod("pod", "mlflow")
    with pytest.raises(ApiException, match="403"):
        exec_(settings)
    assert set(proxy.logins) == {f"Basic {b64encode(b'jane:p@ss').decode()}"}
    assert len(proxy.logins) > 1


@pytest.mark.parametrize("login", ["", "jane@"])
def test_a_login_may_have_no_password_or_not_be_there(home: Path, login: str) -> None:
    file = write(home / "config", **{"proxy-url": f"http://{login}proxy.example:3128"})
    headers = kubeconfig.configuration("lab", file).proxy_headers
    assert headers == ({"proxy-authorization": "Basic amFuZTo="} if login else None)


def test_loopback_is_reached_past_the_proxy_by_all_commands(
    home: Path, monkeypatch: pytest.MonkeyPatch, proxy: Proxy
) -> None:
    """The API server of kind, and what a port-forward opens; nobody is asked where there is no proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy.address}")
    monkeypatch.setenv("NO_PROXY", "corp.example")
    settings = {"context": "lab", "kubeconfig": write(home / "config", "https://127.0.0.1:1")}

    def app() -> None:
        with pytest.raises(httpx.ConnectError):
            httpx.get("http://127.0.0.1:1")
        with pytest.raises(HTTPError, match="refused"):
            cluster.connect(settings).read_namespaced_pod("pod", "mlflow")
        with pytest.raises(ApiException, match="refused"):
            exec_(settings)

    monkeypatch.setattr(ops.__main__, "app", app)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    ops.__main__.main()
    assert not proxy.logins
    wanted = "corp.example,127.0.0.1,localhost,::1"
    assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (wanted, wanted)


def test_a_socks_proxy_is_refused_where_it_would_be_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://jane:hunter2@127.0.0.1:1080")
    file = write(home / "config")
    with pytest.raises(OpsError, match=r"^kube context 'lab': kubectl and pulumi can use a SOCKS proxy"):
        kubeconfig.configuration("lab", file)
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert kubeconfig.configuration("lab", file).host == "https://api.example:6443"


def test_where_another_client_lacks_socks_that_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setattr(ops.__main__, "app", lambda: httpx.get("http://127.0.0.1:1"))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        ops.__main__.main()
    assert (ended.value.code, capsys.readouterr().err) == (1, f"error: {kubeconfig.SOCKS}\n")


def test_without_an_authority_of_its_own_an_exec_trusts_what_the_system_trusts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the loader has looked at the token, as it does before each request."""
    monkeypatch.setenv("SSL_CERT_DIR", str(home))
    assert kubeconfig.configuration("lab", write(home / "config")).ssl_ca_cert is None
    monkeypatch.delenv("SSL_CERT_DIR")
    made = kubeconfig.configuration("lab", write(home / "config"))
    made.auth_settings()
    assert made.ssl_ca_cert == ssl.get_default_verify_paths().cafile
    own = {"certificate-authority": write(home / "own.crt")}
    made = kubeconfig.configuration("lab", write(home / "config", **own))
    assert made.ssl_ca_cert == own["certificate-authority"]


@pytest.mark.parametrize(
    "acts", [{"as": "admin"}, {"as-groups": ["ops"]}, {"as-uid": "1"}, {"as-user-extra": {"a": ["b"]}}]
)
def test_impersonation_is_refused_and_never_left_out(home: Path, acts: dict[str, Any]) -> None:
    with pytest.raises(OpsError, match=r"^kube context 'lab': its user impersonates another one"):
        kubeconfig.configuration("lab", write(home / "config", user={"token": "t", **acts}))
    assert kubeconfig.configuration("lab", write(home / "config", user={"token": "t", "as": ""}))


def test_an_empty_variable_means_the_default_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    with pytest.raises(OpsError, match=r"^kube context 'lab': there is nothing in ~/\.kube/config"):
        kubeconfig.configuration("lab")
    write(home / ".kube" / "config")
    assert kubeconfig.configuration("lab").host == "https://api.example:6443"


def test_files_that_are_missing_or_empty_are_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "empty").write_text("# nothing\n")
    files = [str(home / "missing"), str(home / "empty"), write(home / "config"), "/dev/null"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(files))
    assert kubeconfig.configuration("lab").host == "https://api.example:6443"
    with pytest.raises(OpsError, match=r"^kube context 'prod': .*prod"):
        kubeconfig.configuration("prod")
