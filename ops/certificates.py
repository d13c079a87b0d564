"""The certificates that a release uses: those of its ingress, and those its pods mount."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from cryptography import x509
from kubernetes import client

from ops import cluster
from ops.finding import Finding
from ops.replacement import Object
from ops.workloads import template

NEAR = timedelta(days=21)
"""cert-manager renews a certificate of 90 days 30 days before its end: with less left, that has failed."""
_SHARE = 5
"""Of a certificate that lives shorter the last fifth is near its end (cert-manager renews at a third)."""
_PEM = b"-----BEGIN CERTIFICATE-----"


def findings(api: client.CoreV1Api, namespace: str, objects: Iterable[Object]) -> Iterator[Finding]:
    """Certificates that are missing, have ended or will soon; `objects` are those of the manifest."""
    now = datetime.now(UTC)
    for name, host in sorted(_secrets(objects).items()):
        held = cluster.unless_missing(partial(api.read_namespaced_secret, name, namespace))
        if held is None:
            if host:
                yield Finding(
                    "certificate", f"Secret {name}", f"a certificate for {host}", None, _fix(namespace, name)
                )
            continue
        for certificate in _certificates(held.data or {}):
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            near = min(NEAR, (end - start) / _SHARE)
            if end - now < near:
                left = (end - now).days
                when = f"{end:%Y-%m-%d}, in {left} days" if end > now else f"{end:%Y-%m-%d}, already expired"
                what = f"Certificate {_subject(certificate)} in Secret {name}"
                expected = f"more than {near.days} days"
                yield Finding("certificate", what, expected, f"ends {when}", _fix(namespace, name))


def _secrets(objects: Iterable[Object]) -> dict[str, str]:
    """Names of Secrets that may hold certificates, with the host that an ingress serves with each."""
    found: dict[str, str] = {}
    for body in objects:
        if body["kind"] == "Ingress":
            for tls in body["spec"].get("tls") or []:
                # An entry without a Secret has the controller's own certificate.
                if name := tls.get("secretName"):
                    found[name] = ", ".join(tls.get("hosts") or ["any host"])
        for volume in (template(body) or {}).get("volumes") or []:
            projected = [
                source.get("secret") for source in (volume.get("projected") or {}).get("sources", [])
            ]
            for secret in filter(None, [volume.get("secret"), *projected]):
                found.setdefault(secret.get("secretName") or secret.get("name"), "")
    return found


def _certificates(data: Mapping[str, str | bytes]) -> Iterator[x509.Certificate]:
    for text in data.values():
        pem = base64.b64decode(text)
        if _PEM in pem:
            yield from x509.load_pem_x509_certificates(pem)


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or str(certificate.serial_number)


def _fix(namespace: str, name: str) -> str:
    return f"renew Secret {name}; if cert-manager should have: kubectl -n {namespace} describe certificate"
