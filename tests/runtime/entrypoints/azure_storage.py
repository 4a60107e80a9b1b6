"""Blob Storage for tests: the real Azurite (Microsoft's emulator) behind TLS, and a stand-in for the identity endpoint.

    start(folder) ─▶ Store(endpoint, environment, put, get, keys, stop)

Azurite's `--oauth basic` reads a bearer token's issuer, audience and times, and does not check its signature.
"""

from __future__ import annotations

import base64
import datetime
import http.client
import ipaddress
import json
import shutil
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import platformdirs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VERSION = "3.35.0"
CACHE = platformdirs.user_cache_path("mldeploy") / "tests" / "azurite"
LIFE_S = 3600
ACCOUNT = "devstoreaccount1"


def binary() -> str:
    """Azurite's blob server, from PATH or the tests' cache."""
    found = shutil.which("azurite-blob") or shutil.which("azurite-blob", path=str(CACHE / "node_modules/.bin"))
    if not found:
        pytest.skip(f"azurite is not installed: npm install --ignore-scripts --prefix {CACHE} azurite@{VERSION}")
    return found


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def token() -> str:
    """A token that Azurite takes; its signature is none."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + LIFE_S,
    }
    return f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}.c2ln"


class Identity(BaseHTTPRequestHandler):
    """What App Service and Container Apps offer an app for its managed identity."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers.get("x-identity-header")))
        body = json.dumps({"access_token": token(), "expires_on": str(int(time.time()) + LIFE_S)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


def certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of 127.0.0.1, for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(pem, form, plain))
    return files


class Store:
    """Azurite and the identity endpoint, running. `environment` is what the platform would set for the app."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        cert, key = certificate(folder)
        self._log = (folder / "azurite.log").open("wb")
        address = ("--blobHost", "127.0.0.1", "--blobPort", str(port))
        switches = ("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--oauth", "basic")
        self._process = subprocess.Popen(
            (binary(), *address, *switches, "--cert", str(cert), "--key", str(key)),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        self._identity: Any = ThreadingHTTPServer(("127.0.0.1", 0), Identity)
        self._identity.seen = []
        self._thread = threading.Thread(target=self._identity.serve_forever)
        self._thread.start()
        self._trust = ssl.create_default_context(cafile=str(cert))
        self.endpoint = f"https://127.0.0.1:{port}/{ACCOUNT}"
        self.environment = {
            "MLDEPLOY_STORAGE_ACCOUNT": ACCOUNT,
            "MLDEPLOY_BLOB_ENDPOINT": self.endpoint,
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._identity.server_port}/msi/token",
            "IDENTITY_HEADER": "header-of-the-platform",
            "AZURE_CLIENT_ID": "client-1",
            "SSL_CERT_FILE": str(cert),
        }

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Path and identity header of each request for a token."""
        return list(self._identity.seen)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        place = urlsplit(self.endpoint)
        connection = http.client.HTTPSConnection(place.netloc, timeout=30, context=self._trust)
        try:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            fields |= {"x-ms-version": "2021-12-02", "authorization": f"Bearer {token()}"}
            connection.request(method, f"{place.path}/{path}", body, fields)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def create(self, *containers: str) -> None:
        """Wait for the server, and make containers."""
        for container in containers:
            for _ in range(500):
                try:
                    status, _, body = self.ask("PUT", f"{container}?restype=container")
                    assert status == 201, body
                    break
                except OSError:
                    time.sleep(0.02)
            else:
                raise AssertionError("azurite did not start")

    def put(self, container: str, key: str, body: bytes, kind: str) -> dict[str, Any]:
        """Upload; the event that Event Grid would send."""
        status, headers, answer = self.ask(
            "PUT", f"{container}/{quote(key)}", body, x_ms_blob_type="BlockBlob", content_type=kind
        )
        assert status == 201, answer
        return event(container, key, contentType=kind, contentLength=len(body), eTag=headers["etag"].strip('"'))

    def get(self, container: str, key: str) -> tuple[bytes, str] | None:
        status, headers, body = self.ask("GET", f"{container}/{quote(key)}")
        return (body, headers["content-type"]) if status == 200 else None

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._identity.shutdown()
        self._thread.join()
        self._identity.server_close()
        self._log.close()


def event(container: str, key: str, kind: str = "Microsoft.Storage.BlobCreated", **data: Any) -> dict[str, Any]:
    """An event in Event Grid's own schema."""
    return {
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop",
        "subject": f"/blobServices/default/containers/{container}/blobs/{key}",
        "eventType": kind,
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": {"api": "PutBlob", "blobType": "BlockBlob", "url": f"https://shop/{container}/{key}", **data},
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-20T10:00:00.0000000Z",
    }
