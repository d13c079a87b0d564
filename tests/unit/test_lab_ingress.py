"""The lab's ingress where it needs no cluster: its name here, whom clients trust, what it serves."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from lab import paths, prerequisites, tools
from lab.cluster import hosts, ingress, pki, services, trust

OTHERS = "127.0.0.1 localhost\n198.18.0.1 other.test # MLflow\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's home of the test's own, and a machine's files."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(hosts, "FILE", tmp_path / "hosts")
    monkeypatch.setattr(trust, "_SYSTEM", tmp_path / "system.pem")
    (tmp_path / "hosts").write_text(OTHERS)
    (tmp_path / "system.pem").write_text("of the system\n")
    pki.folder().mkdir(parents=True)
    return tmp_path


def test_the_lab_s_name_is_one_line_and_goes_without_a_trace(home: Path) -> None:
    assert not hosts.known()
    hosts.up()
    hosts.up()
    assert hosts.known()
    assert (home / "hosts").read_text() == OTHERS + hosts.LINE
    assert hosts.LINE.split()[:2] == ["198.18.0.1", hosts.HOST]
    hosts.down()
    hosts.down()
    assert (home / "hosts").read_text() == OTHERS


def test_what_others_write_beside_the_line_stays(home: Path) -> None:
    file = home / "hosts"
    file.write_text("127.0.0.1 localhost")
    hosts.up()
    assert file.read_text() == f"127.0.0.1 localhost\n{hosts.LINE}"
    with file.open("a") as more:
        more.write("::1 ip6-localhost\n")
    inode = file.stat().st_ino
    hosts.down()
    assert file.read_text() == "127.0.0.1 localhost\n::1 ip6-localhost\n"
    assert file.stat().st_ino == inode, "in a container it is a mount"


def test_the_authority_is_made_once_and_may_sign_certificates_alone() -> None:
    trust.create()
    pem = trust.certificate().read_bytes()
    trust.create()
    assert trust.certificate().read_bytes() == pem
    made = x509.load_pem_x509_certificate(pem)
    usage = made.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    made.verify_directly_issued_by(made)
    assert trust.certificate().with_suffix(".key").stat().st_mode & 0o077 == 0


def test_it_is_not_the_cluster_s_own() -> None:
    """Or any Ingress could ask for a certificate of the API server's administrator."""
    pki.create("lab", ["127.0.0.1"])
    trust.create()
    cluster = x509.load_pem_x509_certificate((pki.folder() / "ca.crt").read_bytes())
    ours = x509.load_pem_x509_certificate(trust.certificate().read_bytes())
    key = ours.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert ours.subject != cluster.subject
    assert key != cluster.public_key()


def test_the_bundle_has_what_the_machine_trusts_and_the_authority_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust.create()
    ours = trust.certificate().read_text()
    assert trust.bundle().read_text() == f"of the system\n{trust._MARK}\n{ours}"
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle()))
    trust.create()
    assert trust.bundle().read_text() == f"of the system\n{trust._MARK}\n{ours}"
    (home / "own.pem").write_text("of the person\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "own.pem"))
    trust.create()
    assert trust.bundle().read_text() == f"of the person\n{trust._MARK}\n{ours}"
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "none.pem"))
    trust.create()
    assert trust.bundle().read_text() == f"of the system\n{trust._MARK}\n{ours}"
    assert len(ssl.create_default_context(cafile=str(trust.bundle())).get_ca_certs()) == 1


def test_the_bundle_outlives_the_lab() -> None:
    """A shell may name it when the lab is down."""
    assert not trust.bundle().is_relative_to(paths.run())


def test_the_cluster_has_a_default_class_and_issuers_with_the_authority_behind_them() -> None:
    trust.create()
    items = json.loads(services.objects())["items"]
    found = {(item["kind"], item["metadata"]["name"]): item for item in items}
    annotations = found["IngressClass", "traefik"]["metadata"]["annotations"]
    assert annotations == {"ingressclass.kubernetes.io/is-default-class": "true"}
    secret = found["Secret", ingress.AUTHORITY_SECRET]
    assert base64.b64decode(secret["data"]["tls.crt"]) == trust.certificate().read_bytes()
    for issuer in ("lab", "letsencrypt"):
        assert found["ClusterIssuer", issuer]["spec"]["ca"] == {"secretName": ingress.AUTHORITY_SECRET}


def test_traefik_listens_on_the_bridge_and_has_one_configuration() -> None:
    program = ingress.traefik()
    config = json.loads((paths.run() / "traefik.yaml").read_text())
    assert program.args[1] == f"--configfile={paths.run() / 'traefik.yaml'}"
    addresses = {name: entry["address"] for name, entry in config["entryPoints"].items()}
    assert addresses == {
        "web": "198.18.0.1:80",
        "websecure": "198.18.0.1:443",
        "traefik": f"127.0.0.1:{ingress.TRAEFIK_PORT}",
    }
    assert not config["global"]["sendAnonymousUsage"]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that builds nothing and has one module, in this folder."""
    folder = tmp_path / "module"
    (folder / "crds").mkdir(parents=True)
    go = tmp_path / "go"
    go.write_text(f'#!/bin/sh\n[ "$1" = list ] && echo {folder} || echo go version\n')
    go.chmod(0o755)
    monkeypatch.setattr(prerequisites, "go", lambda: go)
    return folder


def test_a_controller_brings_the_definitions_of_its_kinds(source: Path) -> None:
    for name in ("b", "a"):
        (source / "crds" / f"{name}.yaml").write_text(f"kind: {name}")
    built = tools.Addons("addons", "", {"traefik": ("example.com/module", "crds/*.yaml")}).build()
    assert (built / "traefik-kinds.yaml").read_text() == "kind: a\n---\nkind: b"
    other = tools.Addons("addons", "", {"traefik": ("example.com/module", "crds/a.yaml")}).build()
    assert (other / "traefik-kinds.yaml").read_text() == "kind: a"


def test_definitions_that_are_not_where_they_were_fail_the_build(source: Path) -> None:
    with pytest.raises(RuntimeError, match=r"example.com/module has no crds/\*.yaml"):
        tools.Addons("addons", "", {"traefik": ("example.com/module", "crds/*.yaml")}).build()
