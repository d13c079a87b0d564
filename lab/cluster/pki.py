"""The cluster's certificates and kubeconfigs, made new for each cluster and kept in its run folder."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import paths

CONTEXT = "mlflow-lab"
API = "https://127.0.0.1:6443"
LIFETIME = datetime.timedelta(days=365)


def folder() -> Path:
    """Where keys and certificates are."""
    return paths.run() / "pki"


def kubeconfig(user: str = "admin") -> Path:
    """The kubeconfig of a user: `admin` for people, `kubelet` for the node."""
    return paths.run() / ("kubeconfig" if user == "admin" else f"{user}.kubeconfig")


def _private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs the cluster's certificates."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    def issue(self, file: str, common_name: str, group: str | None = None, names: Sequence[str] = ()) -> None:
        """Write `file`.key and `file`.crt for a user (in a group) or a server (with its names)."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if group:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        made = builder(x509.Name(attributes), self.name, key, authority=False)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
        write(file, key, made.sign(self.key, hashes.SHA256()))


def _name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


def builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.CertificateBuilder:
    """A certificate that begins now, to be signed."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )


def write(file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    """Write `file`.key and `file`.crt, in this order; the key for root alone."""
    # Kubernetes reads the token-signing key only in the traditional form.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    _private(
        folder() / f"{file}.key",
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),
    )
    (folder() / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def create(node: str, addresses: Sequence[str]) -> None:
    """Make everything, once: certificates for the API server (at `addresses`), admin and the kubelet."""
    if kubeconfig("kubelet").exists():
        return
    folder().mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mlflow-lab")])
    write("ca", key, builder(name, name, key, authority=True).sign(key, hashes.SHA256()))
    authority = Authority(key, name)
    hosts = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", *addresses]
    authority.issue("apiserver", "kube-apiserver", names=hosts)
    authority.issue("admin", "admin", "system:masters")
    authority.issue("kubelet", f"system:node:{node}", "system:nodes", [node, *addresses])
    authority.issue("service-accounts", "service-accounts")
    for user in ("admin", "kubelet"):
        _kubeconfig(user)


def _kubeconfig(user: str) -> None:
    def data(file: str) -> str:
        return base64.b64encode((folder() / file).read_bytes()).decode()

    text = f"""apiVersion: v1
kind: Config
current-context: {CONTEXT}
clusters:
  - name: {CONTEXT}
    cluster: {{server: "{API}", certificate-authority-data: {data("ca.crt")}}}
users:
  - name: {user}
    user: {{client-certificate-data: {data(f"{user}.crt")}, client-key-data: {data(f"{user}.key")}}}
contexts:
  - name: {CONTEXT}
    context: {{cluster: {CONTEXT}, user: {user}}}
"""
    _private(kubeconfig(user), text.encode())
