"""A STAND-IN for the Azure Functions host, for tests. The Python worker behind it is the real one (azure-functions-runtime).

    python3.13 azure_host.py [--root /home/site/wwwroot] [--host 127.0.0.1] [--port N] [--keys FILE] [--blobs FOLDER]

The real host is a .NET program that is in no package registry. This one does its part for an HTTP function: it matches routes,
checks keys, hands the worker what the host's source (Azure/azure-functions-host, read in November 2026) hands it, and writes
the worker's answer to the wire. What it copies: the path is decoded and encoded again, repeated headers are joined with a
comma, empty query values are left out, a body is passed on only with a Content-Length. What it does not have: gRPC, the
middleware in front (Easy Auth, CORS), limits of its own, retries and poison queues, extensions that listen to queues or timers.
Those functions are fired by hand, as the host's admin API does:

    POST /admin/functions/NAME  {"input": "…"}   x-functions-key: the master key     202, or 500 with the exception's message

The input of a blob trigger is "CONTAINER/KEY", a file below FOLDER; what output bindings are given is written there, too.
`--port` and `--host` are read from ASPNETCORE_URLS, too ("http://+:80" is every address); FILE is {"master": K, "host": K,
"functions": {NAME: K}}, without it nobody has a key. Standard library and azure-functions-runtime only.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import logging
import os
import re
import sys
import threading
import types
import uuid
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

DEFAULT_ROOT = "/home/site/wwwroot"
ROOT_NAME = "AzureWebJobsScriptRoot"
PACKAGES = ".python_packages/lib/site-packages"
# What .NET's PathString leaves as it is.
_SAFE = "/-._~!$&'()*+,;=:@"
_HIDDEN = {"connection", "content-length", "transfer-encoding", "date"}


# The worker speaks gRPC through classes that are given to it; these plain ones take their place.


class Message:
    """Any protocol message: fields are attributes, an unknown one is None."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class TypedData(Message):
    """A value of one of several kinds: one attribute, or none."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def WhichOneof(self, _: str) -> str | None:
        return next(iter(self.__dict__), None)


class ParameterBinding(Message):
    def WhichOneof(self, _: str) -> str:
        return "data"


class StatusResult(Message):
    Failure, Success, Cancelled = 0, 1, 2


class BindingInfo(Message):
    in_, out, inout = 0, 1, 2


class RpcHttp(Message):
    def __init__(self, **fields: Any) -> None:
        super().__init__(**{"headers": {}, "params": {}, "query": {}, **fields})


class RpcHttpCookie(Message):
    class SameSite:
        Lax, Strict, ExplicitNone = "lax", "strict", "none"


setattr(RpcHttpCookie.SameSite, "None", "")


class Protos(types.SimpleNamespace):
    """The module of messages; those that are not named above are plain."""

    def __getattr__(self, name: str) -> Any:
        made = type(name, (Message,), {})
        setattr(self, name, made)
        return made


KNOWN = (TypedData, ParameterBinding, StatusResult, BindingInfo, RpcHttp, RpcHttpCookie)
PROTOS = Protos(**{kind.__name__: kind for kind in KNOWN})


class IndexingError(Exception):
    """The worker could not read the app; the message is the worker's."""


class Worker:
    """The real worker library on an event loop of its own."""

    def __init__(self, root: Path) -> None:
        sys.path[:0] = [str(root), str(root / PACKAGES)]
        os.chdir(root)
        import azure_functions_runtime as library

        self._library = library
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        library.start_threadpool_executor()
        init = Message(capabilities={}, function_app_directory=str(root))
        told = self._do(library.worker_init_request(_request(worker_init_request=init)))
        if told.result.status != StatusResult.Success:
            raise IndexingError(f"{told.result.exception.message}\n{told.result.exception.stack_trace}")
        listed = self._do(library.functions_metadata_request(_request())).function_metadata_results
        self.functions = {one.name: one for one in listed or ()}
        for one in self.functions.values():
            load = Message(function_id=one.function_id, metadata=one)
            self._do(library.function_load_request(_request(function_load_request=load)))

    def bindings(self, name: str) -> list[dict[str, Any]]:
        """The function's bindings, as the host reads them."""
        return [json.loads(text) for text in self.functions[name].raw_bindings]

    def trigger(self, name: str) -> dict[str, Any]:
        return next(binding for binding in self.bindings(name) if binding["type"].endswith("Trigger"))

    def invoke(self, name: str, value: TypedData, metadata: dict[str, TypedData] | None = None) -> Any:
        """Run a function on the value of its trigger; the worker's response."""
        invocation = Message(
            invocation_id=str(uuid.uuid4()),
            function_id=self.functions[name].function_id,
            input_data=[ParameterBinding(name=self.trigger(name)["name"], data=value)],
            trigger_metadata=metadata or {},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0),
        )
        return self._do(self._library.invocation_request(_request(invocation_request=invocation)))

    def _do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _request(**fields: Any) -> Any:
    return types.SimpleNamespace(request=types.SimpleNamespace(**fields), properties={"host": "127.0.0.1", "protos": PROTOS})


# Blobs


class Blobs:
    """Containers as folders: the host's part in blob bindings."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def read(self, trigger: dict[str, Any], name: str) -> tuple[TypedData, dict[str, TypedData], dict[str, str]] | None:
        """A blob's bytes, its trigger's metadata and what its path's fields are; None when the trigger does not want it."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(trigger["path"]))
        found = re.fullmatch(pattern, name, re.DOTALL)
        if self._root is None or not found or not (self._root / name).is_file():
            return None
        data = (self._root / name).read_bytes()
        properties = {"ContentLength": len(data), "ContentType": "application/octet-stream", "ETag": f'"{hash(data):x}"'}
        metadata = {
            "BlobTrigger": TypedData(string=name),
            "Uri": TypedData(string=f"https://account.blob.core.windows.net/{quote(name)}"),
            "Properties": TypedData(json=json.dumps(properties)),
        }
        return TypedData(bytes=data), metadata, found.groupdict()

    def write(self, bindings: list[dict[str, Any]], fields: dict[str, str], outputs: Iterable[Any]) -> None:
        """What a function has set on its output bindings."""
        paths = {binding["name"]: binding["path"] for binding in bindings if binding["type"] == "blob"}
        for output in outputs:
            assert self._root is not None
            file = self._root / re.sub(r"\{(\w+)\}", lambda field: fields[field[1]], paths[output.name])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(output.data.bytes)


# Routes and keys


def route_pattern(prefix: str, route: str) -> re.Pattern[str]:
    """A route template as an expression over the decoded path: {name}, {name?}, {name:constraint} and {*name}."""
    pattern = ""
    for segment in filter(None, f"{prefix}/{route}".split("/")):
        field = re.fullmatch(r"\{(\*{0,2})(\w+)(:[^}?]*)?(\?)?\}", segment)
        if not field:
            pattern += "/" + re.escape(segment)
        elif field[1]:
            pattern += f"(?:/(?P<{field[2]}>.*))?"
        else:
            pattern += f"(?:/(?P<{field[2]}>[^/]+))" + ("?" if field[4] else "")
    return re.compile(f"{pattern}/?", re.IGNORECASE | re.DOTALL)


class Keys:
    """Who may call what."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._master = [told[name] for name in ("master",) if name in told]
        self._host = [told[name] for name in ("host",) if name in told]
        self._functions = told.get("functions", {})

    def allows(self, level: str, function: str, given: str) -> bool:
        if level == "anonymous":
            return True
        accepted = list(self._master)
        if level == "function":
            accepted += self._host + [key for name, key in self._functions.items() if name == function]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted)


class App:
    """The worker's HTTP functions, by route."""

    def __init__(self, worker: Worker, root: Path, keys: Keys, blobs: Blobs) -> None:
        self.worker = worker
        self.blobs = blobs
        self.keys = keys
        http = json.loads((root / "host.json").read_text()).get("extensions", {}).get("http", {})
        prefix = http.get("routePrefix", "api")
        triggers = {name: worker.trigger(name) for name in worker.functions}
        self.routes = [
            (route_pattern(prefix, trigger.get("route") or name), name, trigger)
            for name, trigger in triggers.items()
            if trigger["type"] == "httpTrigger"
        ]

    def fire(self, name: str, body: bytes) -> Any:
        """Run a function that HTTP does not trigger; the worker's response, None when there is nothing to run it on."""
        trigger = self.worker.trigger(name)
        given = json.loads(body or b"{}").get("input", "")
        if trigger["type"] != "blobTrigger":
            return self.worker.invoke(name, trigger_value(trigger["type"], given))
        blob = self.blobs.read(trigger, given)
        if blob is None:
            return None
        told = self.worker.invoke(name, blob[0], blob[1])
        self.blobs.write(self.worker.bindings(name), blob[2], told.output_data or ())
        return told

    def match(self, method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]] | None:
        """The function, its trigger and the route's values."""
        for pattern, name, trigger in self.routes:
            found = pattern.fullmatch(path)
            methods = [told.upper() for told in trigger.get("methods") or ()]
            if found and (not methods or method in methods):
                return name, trigger, {key: value for key, value in found.groupdict().items() if value}
        return None


# The wire


def decoded(path: str) -> str:
    """The path as the host's server decodes it: all but an escaped slash and what is not valid; dot segments are resolved."""
    parts = re.split(r"(%2[fF])", path)
    text = "".join(part if part.upper() == "%2F" else unquote_to_bytes(part).decode("utf-8", "replace") for part in parts)
    kept: list[str] = []
    for segment in text.split("/")[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def encoded(path: str) -> str:
    """A decoded path as the host writes it into the URL: escapes that are still there stay."""
    return "".join(part if re.fullmatch("%[0-9a-fA-F]{2}", part) else quote(part, _SAFE) for part in _split(path))


def _split(path: str) -> Iterable[str]:
    return re.split("(%[0-9a-fA-F]{2})", path)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    app: App

    def handle_any(self) -> None:
        body = self._body()
        target, _, query = self.path.partition("?")
        path = decoded(target)
        values = dict(parse_qsl(query))
        given = self.headers.get("x-functions-key") or values.get("code", "")
        if path.startswith("/admin/functions/"):
            self._fire(path.rpartition("/")[2], given, body)
            return
        found = self.app.match(self.command, path)
        if found is None:
            self._write(404, {}, b"")
            return
        name, trigger, params = found
        if not self.app.keys.allows(str(trigger.get("authLevel", "function")).lower(), name, given):
            self._write(401, {}, b"")
            return
        url = f"http://{self.headers.get('host', 'localhost')}{encoded(path)}" + (f"?{query}" if query else "")
        http = RpcHttp(method=self.command, url=url, headers=self._joined(), query=values, params=params, body=TypedData())
        if int(self.headers.get("content-length") or "0") > 0:
            http.body = TypedData(bytes=body)
        self._answer(self.app.worker.invoke(name, TypedData(http=http)))

    def _answer(self, told: Any) -> None:
        if told.result.status != StatusResult.Success:
            sys.stderr.write(f"{told.result.exception.message}\n{told.result.exception.stack_trace}\n")
            self._write(500, {}, b"")
            return
        http = told.return_value.http
        headers = {name: value for name, value in http.headers.items() if name.lower() not in _HIDDEN}
        cookies = [f"{cookie.name}={cookie.value}" for cookie in http.cookies or ()]
        self._write(int(http.status_code), headers, http.body.bytes or b"", cookies)

    def _fire(self, name: str, key: str, body: bytes) -> None:
        if not self.app.keys.allows("admin", name, key):
            self._write(401, {}, b"")
        elif name not in self.app.worker.functions:
            self._write(404, {}, b"")
        else:
            told = self.app.fire(name, body)
            is_done = told is not None and told.result.status == StatusResult.Success
            status = 404 if told is None else 202 if is_done else 500
            self._write(status, {}, told.result.exception.message.encode() if status == 500 else b"")

    def _joined(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return headers

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length") or "0"))

    def _write(self, status: int, headers: dict[str, str], body: bytes, cookies: Iterable[str] = ()) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        for cookie in cookies:
            self.send_header("set-cookie", cookie)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(Handler, f"do_{_method}", Handler.handle_any)


def trigger_value(kind: str, given: Any) -> TypedData:
    """What a trigger of this kind gives its function, from the admin API's {"input": …}."""
    if kind == "timerTrigger":
        return TypedData(json='{"Schedule": {}, "ScheduleStatus": null, "IsPastDue": false}')
    return TypedData(string=given if isinstance(given, str) else json.dumps(given))


def address(urls: str) -> tuple[str, int]:
    """Host and port of the first of ASPNETCORE_URLS."""
    found = re.match(r"https?://(?P<host>[^:/;]+):(?P<port>\d+)", urls)
    if not found:
        return "127.0.0.1", 7071
    return "0.0.0.0" if found["host"] in ("+", "*", "0.0.0.0") else found["host"], int(found["port"])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(argv: list[str]) -> int:
    host, port = address(os.environ.get("ASPNETCORE_URLS", ""))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(os.environ.get(ROOT_NAME) or DEFAULT_ROOT))
    parser.add_argument("--host", default=host)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--blobs", type=Path)
    options = parser.parse_args(argv)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    root = options.root.resolve()
    keys = Keys(json.loads(options.keys.read_text()) if options.keys else {})
    try:
        app = App(Worker(root), root, keys, Blobs(options.blobs and options.blobs.resolve()))
    except IndexingError as error:
        sys.stderr.write(f"the worker cannot index {root}: {error}\n")
        return 1
    handler = type("Bound", (Handler,), {"app": app})
    with Server((options.host, options.port), handler) as server:
        sys.stderr.write(f"stand-in Functions host, not Microsoft's: http://{options.host}:{server.server_port}\n")
        sys.stderr.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
