"""The requests that every entry point is asked: what is sent, to which bundle, with which settings (corpus.py compares)."""

from __future__ import annotations

import base64
import functools
import gzip
import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from PIL import Image

from mldeploy.handlers.message import Request

ROOT = Path(__file__).parents[3]
ENTRIES = frozenset({"aws", "gcp-server", "gcp-functions", "azure"})
KEY = "corpus-key-0123456789"


class Case(NamedTuple):
    """A request, and where it applies. `raw_target` is the target as sent where it is not simply path and query, `raw_fields`
    the header lines as sent where some repeat. `is_stable` is false for an answer whose body is of the process (metrics);
    `is_echoed` is false where the refusal comes before the request id is known to our own server."""

    name: str
    bundle: str
    request: Request
    environment: Mapping[str, str] = {}
    only: frozenset[str] = ENTRIES
    raw_target: str = ""
    raw_fields: tuple[tuple[str, str], ...] = ()
    is_stable: bool = True
    is_echoed: bool = True

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def target(self) -> str:
        """Path and query as they stand in a request line."""
        if self.raw_target:
            return self.raw_target
        query = f"?{self.request.query}" if self.request.query else ""
        return quote(self.request.path, safe="/:@!$&'()*+,;=-._~") + query

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Header lines as sent."""
        return self.raw_fields or tuple(self.request.headers.items())

    @property
    def body(self) -> bytes:
        return self.request.body


def _case(name: str, bundle: str, method: str, path: str, body: bytes = b"", **rest: Any) -> Case:
    """A case; `headers` with underscores or a dict, `query`, and any field of Case."""
    headers = rest.pop("headers", {})
    query = rest.pop("query", "")
    request = Request(method, path, query, headers, body, headers.get("x-request-id", ""))
    return Case(name, bundle, request, **rest)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _post(name: str, bundle: str, body: bytes, kind: str = "application/json", path: str = "/predict", **rest: Any) -> Case:
    headers = {"content-type": kind, "x-request-id": f"corpus-{name}"} if kind else {"x-request-id": f"corpus-{name}"}
    return _case(name, bundle, "POST", path, body, headers=headers | rest.pop("headers", {}), **rest)


@functools.cache
def picture(kind: str, size: tuple[int, int] = (20, 12)) -> bytes:
    """A picture that is mostly green."""
    image = Image.new("RGB", size, (30, 200, 90))
    image.paste((220, 10, 10), (0, 0, 5, 4))
    sink = io.BytesIO()
    image.save(sink, kind)
    return sink.getvalue()


def _multipart(*files: tuple[str, str, bytes]) -> bytes:
    """A form with files: (name, content type, content)."""
    parts = [
        f'--corpus\r\ncontent-disposition: form-data; name="{name}"; filename="{name}"\r\ncontent-type: {kind}\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, kind, content in files
    ]
    return b"".join(parts) + b"--corpus--\r\n"


PLAIN = _json({"inputs": [[1, 2, 3], [0.5, -1, 1e-3]]})
INFER = "/v2/models/plain/infer"
FORM = "multipart/form-data; boundary=corpus"


def _oip(**rest: Any) -> bytes:
    return _json({"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]} | rest)


def _binary() -> tuple[bytes, dict[str, str]]:
    """An OIP request whose tensor, and whose answer, are bytes."""
    raw = np.array([[1, 2, 3], [4, 5, 6]], np.float32).tobytes()
    head = _json(
        {
            "id": "b-1",
            "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": len(raw)}}],
            "parameters": {"binary_data_output": True},
        }
    )
    return head + raw, {"inference-header-content-length": str(len(head))}


def _several() -> tuple[bytes, dict[str, str]]:
    """Strings, booleans and half floats as bytes, mixed with JSON."""
    names = struct.pack("<I", 3) + "aé".encode() + struct.pack("<I", 0)
    half = np.array([0.5], np.float16).tobytes()
    inputs = [
        {"name": "h", "shape": [1], "datatype": "FP16", "parameters": {"binary_data_size": 2}},
        {"name": "a", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]},
        {"name": "names", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(names)}},
        {"name": "b", "shape": [2], "datatype": "FP64", "data": [10, 20]},
        {"name": "flag", "shape": [2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}},
    ]
    head = _json({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return head + half + names + b"\x01\x00", {"inference-header-content-length": str(len(head))}


def _gets() -> list[Case]:
    """Every GET route, and what else may be done to one."""
    model = "/v2/models/plain"
    paths = ("/", "/metadata", "/openapi.json", "/v2", "/v2/health/live", "/v2/health/ready", model, f"{model}/ready")
    cases = [
        _case(f"get {path}", "plain", "GET", path) for path in (*paths, f"{model}/versions/1", f"{model}/versions/1/ready")
    ]
    return [
        *cases,
        _case("metrics", "plain", "GET", "/metrics", is_stable=False),
        _case("page of pictures", "colour", "GET", "/"),
        _case("openapi of a table", "table", "GET", "/openapi.json"),
        _case("page with hostile text", "hostile", "GET", "/"),
        _case("head", "plain", "HEAD", "/metadata"),
        _case("head of nothing", "plain", "HEAD", "/nothing"),
        _case("options", "plain", "OPTIONS", "/predict"),
        _case("options of infer", "plain", "OPTIONS", INFER),
        _case("options of a get", "plain", "OPTIONS", "/v2"),
    ]


def _targets() -> list[Case]:
    """Paths and queries."""
    return [
        _post("repeated query keys", "plain", PLAIN, query="a=1&a=2&b=x%20y&c&d=%E2%82%AC&e=1%2B1"),
        _post("empty query values", "plain", PLAIN, query="a=&b="),
        _post("escaped letters", "plain", PLAIN, raw_target="/pr%65dict"),
        _case("escaped model", "plain", "GET", "/v2/models/plain", raw_target="/v2/models/%70lain?x=%26"),
        _case("unicode path", "plain", "GET", "/vorhersage/für/€"),
        _case("space in the path", "plain", "GET", "/no such path"),
        _case("plus in the path", "plain", "GET", "/a+b"),
        _case("malformed escape", "plain", "GET", "/", raw_target="/predict%zz", is_echoed=False),
        _case("escaped slash", "plain", "GET", "/", raw_target="/v2%2Fhealth", only=frozenset({"aws", "gcp-server"})),
        _case("escaped control", "plain", "GET", "/", raw_target="/v2%00", only=frozenset({"aws", "gcp-server"})),
        _case("dot segments", "plain", "GET", "/", raw_target="/v2/../metadata", only=frozenset({"aws", "gcp-server"})),
        _case("path that is not utf-8", "plain", "GET", "/", raw_target="/%ff", only=frozenset({"aws", "gcp-server"})),
        _case("two slashes", "plain", "GET", "//predict", raw_target="//predict", only=frozenset({"aws", "gcp-server"})),
        _case("404", "plain", "GET", "/nothing", headers={"x-request-id": "corpus-404"}),
        _case("404 of a model", "plain", "POST", "/v2/models/other/infer", b"{}"),
        _case("404 of a version", "plain", "GET", "/v2/models/plain/versions/2"),
        _case("405", "plain", "GET", "/predict", headers={"x-request-id": "corpus-405"}),
        _case("405 of a get", "plain", "DELETE", "/metadata"),
        _case("405 of infer", "plain", "PUT", INFER, b"{}"),
    ]


def _headers() -> list[Case]:
    """What comes in headers."""
    twice = (("content-type", "application/json"), ("x-note", "one"), ("x-note", "two, three"), ("x-request-id", "twice"))
    joined = {"content-type": "application/json", "x-note": "one, two, three", "x-request-id": "twice"}
    return [
        _post("repeated headers", "plain", PLAIN, headers=joined)._replace(
            raw_fields=twice, request=Request("POST", "/predict", "", joined, PLAIN, "twice")
        ),
        _post("cookies", "plain", PLAIN, headers={"cookie": "a=1; b=two words; c=%3D"}),
        _post("latin-1 header", "plain", PLAIN, headers={"x-note": "caf\xe9 \xa3"}),
        _post("huge header", "plain", PLAIN, headers={"x-note": "n" * 7000}),
        _post(
            "headers over the limit",
            "plain",
            PLAIN,
            headers={"x-note": "n" * 33000},
            only=frozenset({"aws", "gcp-server"}),
            is_echoed=False,
        ),
        _post("unsafe request id", "plain", b"{", headers={"x-request-id": "a b\tc"}),
        _post("long request id", "plain", PLAIN, headers={"x-request-id": "i" * 129}),
        _post("upper-case content type", "plain", PLAIN, "Application/JSON; Charset=UTF-8"),
        _case("no headers", "plain", "POST", "/predict", PLAIN, only=ENTRIES - {"gcp-functions"}),
        _post("gzip", "plain", gzip.compress(PLAIN, mtime=0), headers={"content-encoding": "gzip"}),
        _post("damaged gzip", "plain", gzip.compress(PLAIN, mtime=0)[:-9], headers={"content-encoding": "gzip"}),
        _post("unknown coding", "plain", PLAIN, headers={"content-encoding": "br"}),
    ]


def _bodies() -> list[Case]:
    """The forms of POST /predict."""
    picture64 = base64.b64encode(picture("PNG")).decode()
    table = 'price,count,"shop, or web"\n2.5,4,web\n3,0,"Läden, alle"\n'.encode()
    values = {"a": [[1, 2]], "b": [3, 4], "names": ["x", "é€𝄞"], "flag": [True, False], "h": [0.5]}
    rows = [{"price": 2, "count": 3, "shop, or web": "a"}, {"price": 0.1, "count": 0.2, "shop, or web": "ß\u2028"}]
    return [
        _post("json", "plain", PLAIN),
        _post("json row", "plain", _json({"inputs": [1, 2, 3]})),
        _post("json by name", "plain", _json({"inputs": {"x": [[1, 2, 3]]}})),
        _post("json with a mark", "plain", b"\xef\xbb\xbf" + PLAIN),
        _post("json with spaces", "plain", b' {\n "inputs" : [ [1,2,3] ] }\r\n'),
        _post("several inputs", "several", _json({"inputs": values})),
        _post("raw unicode", "several", json.dumps({"inputs": values}, ensure_ascii=False).encode()),
        _post("rows", "table", _json({"inputs": rows})),
        _post("columns", "table", _json({"inputs": {"price": [1, 2], "count": [3, 4], "shop, or web": ["a", "b"]}})),
        _post("csv", "table", table, "text/csv; charset=utf-8"),
        _post("csv upload", "table", _multipart(("t.csv", "text/csv", table)), FORM),
        _post("png", "colour", picture("PNG"), "image/png"),
        _post("jpeg", "colour", picture("JPEG"), "image/jpeg"),
        _post("webp", "colour", picture("WEBP"), "image/webp"),
        _post("octet-stream", "colour", picture("PNG"), "application/octet-stream"),
        _post("upload", "colour", _multipart(("a", "image/png", picture("PNG")), ("b", "image/jpeg", picture("JPEG"))), FORM),
        _post("base64 picture", "colour", _json({"inputs": {"b64": picture64}})),
        _post("base64 pictures", "colour", _json({"inputs": [picture64, f"data:image/png;base64,{picture64}"]})),
        _post("hook", "hooked", _json({"inputs": "how many words are these"})),
        _post("hook with bytes", "hooked", "für wen".encode(), "text/plain"),
        _post("hook with any bytes", "hooked", b"\xff\xfe\x00\x01", "application/x-anything"),
        _post("nan", "nan", _json({"inputs": [-1, 0, 1]})),
        _post("digits example", "digits-example", (ROOT / "examples/digits/request.json").read_bytes()),
        _case("digits metadata", "digits-example", "GET", "/metadata"),
    ]


def _inference() -> list[Case]:
    """The Open Inference Protocol."""
    binary, header = _binary()
    mixed, mixed_header = _several()
    octets = "application/octet-stream"
    nans = _json({"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [-1, 0]}], "parameters": {}})
    bits = _json(
        {
            "inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [-1, 0]}],
            "parameters": {"binary_data_output": True},
        }
    )
    return [
        _post("oip", "plain", _oip(), path=INFER),
        _post("oip with id", "plain", _oip(id="für-1", outputs=[{"name": "y"}]), path=f"{INFER[:-6]}/versions/1/infer"),
        _post("oip binary", "plain", binary, octets, INFER, headers=header),
        _post("oip mixed", "several", mixed, octets, "/v2/models/several/infer", headers=mixed_header),
        _post("oip raw tensor", "plain", binary[-24:], octets, INFER, headers={"inference-header-content-length": "0"}),
        _post("oip wrong length", "plain", binary, octets, INFER, headers={"inference-header-content-length": "99999"}),
        _post("oip nan as json", "nan", nans, path="/v2/models/nan/infer"),
        _post("oip nan as bytes", "nan", bits, path="/v2/models/nan/infer"),
        _post("oip bad shape", "plain", _json({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32"}]}), path=INFER),
    ]


def _refused() -> list[Case]:
    """What is wrong with a request."""
    small = {"MLDEPLOY_MAX_BODY_BYTES": "200"}
    locked = {"MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": KEY}
    just = PLAIN + b" " * (200 - len(PLAIN))
    bomb = gzip.compress(b" " * 5000, mtime=0)
    return [
        _post("empty body", "plain", b""),
        _post("empty body without a type", "plain", b"", ""),
        _post("bad json", "plain", b'{"inputs": [1, 2'),
        _post("not utf-8", "plain", b'{"inputs": "\xff"}'),
        _post("not a number in json", "plain", b'{"inputs": [[NaN, 1, 2]]}'),
        _post("no inputs", "plain", b'{"x": 1}'),
        _post("extra key", "plain", b'{"inputs": [[1,2,3]], "more": 1}'),
        _post("wrong type", "plain", _json({"inputs": [["1", 2, 3]]})),
        _post("wrong shape", "plain", _json({"inputs": [[1, 2]]})),
        _post("ragged", "plain", _json({"inputs": [[1, 2, 3], [1]]})),
        _post("bad base64", "colour", _json({"inputs": {"b64": "%%%"}})),
        _post("no picture", "colour", b"GIF89a nothing", "image/png"),
        _post("cut picture", "colour", picture("PNG")[:60], "image/png"),
        _post("wrong media type", "plain", b"a,b\n1,2\n", "text/csv"),
        _post("wrong charset", "plain", PLAIN, "application/json; charset=latin-1"),
        _post("bad form", "colour", b"--other\r\n\r\nx", FORM),
        _post("bad csv", "table", b"price,count\n1\n", "text/csv"),
        _post("raising hook", "hooked", _json({"inputs": 5})),
        _post("at the limit", "plain", just, environment=small),
        _post("just over the limit", "plain", just + b" ", environment=small, is_echoed=False),
        _post("unpacked over the limit", "plain", bomb, headers={"content-encoding": "gzip"}, environment=small),
        _post("no key", "plain", PLAIN, environment=locked),
        _post("wrong key", "plain", PLAIN, headers={"authorization": "Bearer wrong"}, environment=locked),
        _post("right key", "plain", PLAIN, headers={"authorization": f"Bearer {KEY}"}, environment=locked),
        _post("key in its own header", "plain", PLAIN, headers={"x-api-key": KEY}, environment=locked),
        _case("open probe", "plain", "GET", "/v2/health/ready", environment=locked),
        _case("locked 404", "plain", "GET", "/nothing", environment=locked),
    ]


CORPUS: tuple[Case, ...] = (*_gets(), *_targets(), *_headers(), *_bodies(), *_inference(), *_refused())
assert len({case.name for case in CORPUS}) == len(CORPUS), "two cases have one name"
