"""Whom clients of the lab's ingress trust: an authority of its own, and where they find it.

Not the cluster's: any Ingress may ask this one for a certificate, which is to say nothing to the API server.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import paths
from lab.cluster import pki

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""By which clients find whom they trust: OpenSSL, httpx and Go; requests; curl."""

_FILE = "ingress-ca"
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")
_MARK = "# The MLflow lab's own"


def certificate() -> Path:
    """The authority's certificate, for browsers and clients; its key stands beside it."""
    return pki.folder() / f"{_FILE}.crt"


def bundle() -> Path:
    """All authorities that a client in the shell of the lab trusts, in one file; it outlives the lab.

    A shell may still name it when the lab is down, and `pip` must find there what the system trusts.
    """
    return paths.root() / "ca-bundle.pem"


def create() -> None:
    """Make the authority, once, and write the bundle: whom the person's clients trust so far, and it."""
    if not certificate().exists():
        _create_authority()
    named = Path(os.environ.get("SSL_CERT_FILE") or _SYSTEM)
    trusted = (named if named.exists() else _SYSTEM).read_text().partition(_MARK)[0]
    paths.write(bundle(), f"{trusted}{_MARK}\n{certificate().read_text()}")


def _create_authority() -> None:
    """It says what it may sign, as strict clients want to read it (Python 3.13)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MLflow lab, certificates of its ingress")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usages = x509.KeyUsage(**dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True})
    made = pki.builder(name, name, key, authority=True).add_extension(identifier, critical=False)
    pki.write(_FILE, key, made.add_extension(usages, critical=True).sign(key, hashes.SHA256()))
