"""Certificates for tests."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(host: str, days: float, lifetime: float = 90) -> tuple[str, str]:
    """A certificate that signs itself and ends in `days`, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = datetime.now(UTC) + timedelta(days=days)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=lifetime))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem).decode(), plain.decode()


def signed(address: str) -> tuple[str, str, str]:
    """An authority of its own, the certificate of a server at this address, and its key, all as PEM."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("an authority", address)
    ]
    now, pem = datetime.now(UTC), serialization.Encoding.PEM
    made = []
    for key, name, authority in zip(keys, names, (True, False), strict=True):
        one = (
            x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if not authority:
            host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            one = one.add_extension(host, critical=False)
        made.append(one.sign(keys[0], hashes.SHA256()).public_bytes(pem).decode())
    plain = keys[1].private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return made[0], made[1], plain.decode()
