"""A certificate authority for one test, so that the stand-ins' services answer over TLS as real ones do."""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make(folder: Path, names: list[str]) -> tuple[Path, Path, Path]:
    """(bundle to trust, certificate, key). The bundle has the machine's own authorities as well."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("mldeploy test authority", authority_key, authority_key, "mldeploy test authority", [])
    leaf = _certificate(names[0], key, authority_key, "mldeploy test authority", names)
    bundle, certificate, secret = folder / "authorities.pem", folder / "certificate.pem", folder / "key.pem"
    trusted = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    known = Path(trusted).read_bytes() if trusted and Path(trusted).exists() else b""
    bundle.write_bytes(known + b"\n" + authority.public_bytes(serialization.Encoding.PEM))
    certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return bundle, certificate, secret


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, issuer: str, names: list[str]
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    is_authority = not names
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return builder.sign(signer, hashes.SHA256())
