"""A certificate for loopback, signed by itself.

It names Azure's public addresses, too, for clients that know no others and are led here by a proxy. Only those who are
told to trust it do.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

__all__ = ["write_certificate"]

_DAYS = 30
_NAMES = ("localhost", "management.azure.com", "login.microsoftonline.com")


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a new certificate and its key; return where."""
    from cryptography import x509  # noqa: PLC0415  costs a tenth of a second
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  likewise
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  likewise

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Azure emulator of AML Plugins")])
    now = dt.datetime.now(dt.UTC)
    names = [*map(x509.DNSName, _NAMES), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths = directory / "certificate.pem", directory / "certificate-key.pem"
    paths[0].write_bytes(certificate.public_bytes(encoding))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return paths
