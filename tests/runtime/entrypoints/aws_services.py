"""AWS's services for the tests, and the events that they send: S3 and Secrets Manager are moto's, TLS in front of them is ours.

server(log) ─▶ URL      Bucket(botocore's client, name)      tls_in_front(URL, folder) ─▶ https URL
notification · bridged · batch ─▶ events as S3, EventBridge and SQS deliver them (written from AWS's documentation)
"""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}


@contextlib.contextmanager
def server(log: Path) -> Iterator[str]:
    """A moto server's URL: AWS's APIs with state, no AWS."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    sink = log.open("wb")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=os.environ | KEYS)
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "moto does not answer"
            time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        sink.close()


class Bucket:
    """A bucket of moto's, through botocore."""

    def __init__(self, s3: Any, name: str) -> None:
        self.name = name
        self._s3 = s3
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, key: str, body: bytes, **rest: Any) -> dict[str, Any]:
        """Store an object; what S3's notification says of it."""
        done = self._s3.put_object(Bucket=self.name, Key=key, Body=body, **rest)
        return {"key": quote_plus(key), "size": len(body), "eTag": done["ETag"].strip('"'), "sequencer": "0055AED6DCD90281E5"}

    def get(self, key: str) -> Any:
        """An object as JSON, or None."""
        try:
            found = self._s3.get_object(Bucket=self.name, Key=key)
        except self._s3.exceptions.NoSuchKey:
            return None
        return json.loads(found["Body"].read())

    def content_type(self, key: str) -> str:
        return str(self._s3.head_object(Bucket=self.name, Key=key)["ContentType"])

    def keys(self) -> list[str]:
        return [item["Key"] for item in self._s3.list_objects_v2(Bucket=self.name).get("Contents", ())]


def notification(bucket: str, *objects: dict[str, Any], name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """S3's own event."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventName": name,
                "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": item},
            }
            for item in objects
        ]
    }


def bridged(bucket: str, key: str, size: int) -> dict[str, Any]:
    """The same through EventBridge: the key as it is."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "region": REGION,
        "detail": {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": size, "sequencer": "00617F08"}},
    }


def batch(*bodies: str, queue: str = "q", **attributes: Any) -> dict[str, Any]:
    """An SQS batch; the messages are m0, m1, …"""
    return {
        "Records": [
            {
                "messageId": f"m{index}",
                "body": body,
                "messageAttributes": attributes,
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:1:{queue}",
            }
            for index, body in enumerate(bodies)
        ]
    }


@contextlib.contextmanager
def tls_in_front(url: str, scratch: Path) -> Iterator[str]:
    """An HTTPS address that passes everything on to `url`; its certificate, made here, is scratch/cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (scratch / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    (scratch / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))

    class Door(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            inner = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            inner.request(self.command, self.path, body, dict(self.headers.items()))
            answer = inner.getresponse()
            data = answer.read()
            inner.close()
            self.send_response(answer.status)
            self.send_header("content-type", answer.getheader("content-type", "text/plain"))
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = _pass  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # a caller that does not trust us hangs up
            return

    server = Server(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scratch / "cert.pem", scratch / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
