"""The lab's network: the same after a kill, beside other programs' rules, and past a person's proxy."""

from __future__ import annotations

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab import api, paths, proxies
from lab.cluster import hosts, network, policies, services

OWN = f"127.0.0.1,localhost,::1,198.18.0.1,198.18.0.0/15,{hosts.HOST}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's home of the test's own, and an environment that names no proxy."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path))
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_PROXY".upper(), raising=False)
    paths.run().mkdir()
    return tmp_path


class Tables:
    """iptables as far as the lab asks for it: the rules of each table's chains, in their order."""

    def __init__(self) -> None:
        self.rules = {("filter", hook): ["--jump DOCKER-USER"] for hook in ("FORWARD", "INPUT")}

    def run(self, *command: str) -> bool:
        if command[0] == "modprobe":
            return True
        table, action, chain, *rest = command[3:]
        rules, rule = self.rules.setdefault((table, chain), []), " ".join(rest)
        if action in ("--check", "--delete") and rule not in rules:
            return False
        match action:
            case "--append":
                rules.append(rule)
            case "--insert":
                rules.insert(0, rule)
            case "--delete":
                rules.remove(rule)
            case "--flush":
                rules.clear()
        return True


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tables:
    """A machine that has a firewall, without a kernel's."""
    made = Tables()
    monkeypatch.setattr(policies, "_run", made.run)
    monkeypatch.setattr(policies, "_BRIDGED", tmp_path / "bridged")
    (tmp_path / "bridged").write_text("0")
    return made


def test_pods_reach_each_other_and_the_lab_whatever_the_machine_drops(tables: Tables) -> None:
    """First in the table where dockerd and ufw drop; no rule twice; and without a trace afterwards."""
    policies.up()
    policies.up()
    assert tables.rules["filter", "FORWARD"] == [
        f"--in-interface {network.BRIDGE} --out-interface {network.BRIDGE} --jump ACCEPT",
        "--jump DOCKER-USER",
    ]
    assert tables.rules["filter", "INPUT"] == [
        f"--in-interface {network.BRIDGE} --destination {network.GATEWAY} --jump ACCEPT",
        "--jump DOCKER-USER",
    ]
    assert len(tables.rules["mangle", "FORWARD"]) == len(tables.rules["mangle", "INPUT"]) == 1
    policies.down()
    assert set(map(tuple, tables.rules.values())) == {("--jump DOCKER-USER",), ()}


def test_a_bridge_of_a_killed_run_gets_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bridge that is there may have none: `lo` stands for it."""
    asked: list[str] = []
    monkeypatch.setattr(network, "_ip", lambda *args: asked.append(" ".join(args)))
    monkeypatch.setattr(network, "BRIDGE", "lo")
    monkeypatch.setattr(network, "_FORWARDING", tmp_path / "forwarding")
    (tmp_path / "forwarding").write_text("0")
    network.up()
    assert asked == ["address replace 198.18.0.1/24 dev lo", "link set lo up"]


def test_without_a_proxy_the_environment_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxies.direct() == {}


@pytest.mark.parametrize("variable", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_no_proxy_is_asked_for_the_lab_s_own(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, behind what the person has there; in the shell of the lab too."""
    monkeypatch.setenv(variable, "http://proxy.example:3128")
    assert proxies.direct() == {"no_proxy": OWN, "NO_PROXY": OWN}
    monkeypatch.setenv("NO_PROXY", "example.com, localhost")
    wanted = f"example.com,localhost,{OWN.replace('localhost,', '')}"
    assert proxies.direct() == {"no_proxy": wanted, "NO_PROXY": wanted}
    monkeypatch.setenv("no_proxy", wanted)
    assert proxies.direct()["no_proxy"] == wanted
    assert api.environ()["NO_PROXY"] == wanted
    assert urllib.request.proxy_bypass("127.0.0.1:6443")
    assert urllib.request.proxy_bypass(network.GATEWAY)
    monkeypatch.setenv("no_proxy", "*")
    assert proxies.direct() == {}


def test_what_is_outside_is_asked_for_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any answer will do; where nobody listens it is the proxy's."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        assert proxies.answers("http://127.0.0.1:1/")
        server.shutdown()
    assert not proxies.answers("http://127.0.0.1:1/")


def test_the_bucket_is_asked_for_without_the_person_s_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which may be one that is not there."""
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setattr(services, "S3_ENDPOINT", "http://127.0.0.1:1")
    assert not services._make_bucket()
