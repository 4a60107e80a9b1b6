"""A real Docker engine, a real registry on 127.0.0.1, and the three clouds' real recipes on a stand-in base image.

    engine ─ base ─▶ made("gcp", "digits") ─▶ Made(plan, bundle, loaded, built)        registry ─▶ "127.0.0.1:PORT"

The base is Debian with its own Python 3.13 (tools/docker/base), not the clouds' base images; for Azure the stand-in Functions
host of tests/runtime is put on top. Wheels come from the package index, by hash, and are kept in the user's cache.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import importlib
import importlib.util
import io
import json
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pytest

from mldeploy import bundle as bundles
from mldeploy import spec, state
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import ProviderError
from mldeploy.image import building, pins, wheels
from mldeploy.image.context import Entry, write_tar
from mldeploy.image.contract import BuiltImage
from mldeploy.image.engine import Engine, connect
from mldeploy.image.unpacking import unpack
from mldeploy.plan import Plan
from mldeploy.progress import SilentReporter
from mldeploy.spec.loaded import LoadedSpec

ROOT = Path(__file__).parents[2]
ENTRYPOINTS = ROOT / "tests" / "runtime" / "entrypoints"
BASE = "mldeploy-test/python:3.13"
AZURE_BASE = "mldeploy-test/azure-functions-python:4-python3.13"
AZURE_HOST = "/azure-functions-host"
AZURE_KEY = "a-key-of-the-stand-in-host"
ENGINE_ATTEMPTS = 6  # so often does the engine itself try an upload before it gives up
_ALREADY_THERE = {"numpy", "onnxruntime", "pillow", "orjson", "flatbuffers", "protobuf", "packaging"}  # the app brings its own


@dataclass(frozen=True)
class Made:
    plan: Plan
    bundle: Bundle
    loaded: LoadedSpec
    built: BuiltImage

    @property
    def name(self) -> str:
        return f"{self.built.name}:{self.built.tag}"


@pytest.fixture(scope="session", autouse=True)
def kept_state() -> Iterator[Path]:
    """A state folder of the tests' own that is kept: bundles and wheels go by their hashes."""
    folder = platformdirs.user_cache_path("mldeploy") / "tests" / "image"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(state.ENVIRONMENT_NAME, str(folder))
        yield folder


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        found = connect()
    except ProviderError as error:
        pytest.skip(f"{error.message}: as root, tools/docker/install && tools/docker/start && tools/docker/base")
    yield found
    found.close()


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    if engine.inspect(BASE) is None:
        pytest.skip(f"the engine has no {BASE}: tools/docker/base makes it (as root)")
    return BASE


def load(path: Path) -> ModuleType:
    """A file of another tier, as a module."""
    module_spec = importlib.util.spec_from_file_location(path.stem, path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[path.stem] = module
    module_spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def azure_base(engine: Engine, base: str) -> str:
    """A STAND-IN for Microsoft's base image: our base, the real worker library, and the stand-in Functions host."""
    locked = (ENTRYPOINTS / "azure_worker.txt").read_text()
    chosen = tuple(pin for pin in pins.parse(locked, pins.USER) if pin.name not in _ALREADY_THERE)
    with SilentReporter().step("") as step:
        found = wheels.fetch(chosen, wheels.Target("3.13", "x86_64"), step)
    text = (
        f"FROM {base}\nCOPY host/ {AZURE_HOST}/\nCOPY site-packages/ /usr/lib/python3/dist-packages/\n"
        f'CMD ["python3", "{AZURE_HOST}/azure_host.py", "--keys", "{AZURE_HOST}/keys.json"]\n'
    )
    entries = [
        Entry("Dockerfile", text.encode()),
        Entry("host/azure_host.py", ENTRYPOINTS / "azure_host.py"),
        Entry("host/keys.json", json.dumps({"master": AZURE_KEY, "host": AZURE_KEY, "functions": {}}).encode()),
    ]
    for pin, wheel in zip(chosen, found, strict=True):
        entries += unpack(wheel, pin, "site-packages")
    context = io.BytesIO()
    write_tar(context, entries)
    context.seek(0)
    with SilentReporter().step("") as step:
        building.follow(engine.build(context, "x86_64", AZURE_BASE, is_fresh=False), step)
    return AZURE_BASE


Planned = Callable[..., tuple[Plan, Bundle, LoadedSpec]]


@pytest.fixture(scope="session")
def planned(base: str) -> Planned:
    """`planned("aws", "digits")`: the provider's own plan of an example, on the stand-in base."""

    def plan_of(cloud: str, example: str, base_name: str = base, folder: Path | None = None, **changes: Any) -> Any:
        provider = importlib.import_module(f"mldeploy.providers.{cloud}.provider").provider
        file = (folder or ROOT / "examples" / example) / "mldeploy.yaml"
        loaded = spec.load(file, None, settings_models={cloud: provider.Settings})
        bundle = bundles.pack(loaded, state.bundle_store(), SilentReporter())
        plan = provider.plan(loaded, bundle)
        return replace(plan, image=replace(plan.image, base=base_name, **changes)), bundle, loaded

    return plan_of


@pytest.fixture(scope="session")
def made(engine: Engine, planned: Planned, request: pytest.FixtureRequest) -> Callable[[str, str], Made]:
    """`made("gcp", "imagenet")`: the gated image, built once a session."""

    @functools.cache
    def make(cloud: str, example: str) -> Made:
        base_name = request.getfixturevalue("azure_base") if cloud == "azure" else BASE
        plan, bundle, loaded = planned(cloud, example, base_name)
        return Made(plan, bundle, loaded, building.build(engine, plan, bundle, loaded, SilentReporter()))

    return make


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry of this module's own: "127.0.0.1:PORT". Debian's docker-registry; stands in for the clouds' registries."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not on PATH: tools/docker/install unpacks Debian's (as root)")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
        try:
            wait_for(lambda: get(port, "/v2/")[0] == 200, 20)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def get(port: int, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One request to 127.0.0.1: GET, or POST with a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def wait_for(is_true: Callable[[], bool], limit_s: float) -> None:
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if is_true():
                return
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s:g} s")


Run = Callable[..., contextlib.AbstractContextManager[int]]


@pytest.fixture
def run(engine: Engine) -> Run:
    """`with run(name, environment) as port`: a container, shut in as a platform would do it, answering on 127.0.0.1:port."""

    @contextlib.contextmanager
    def start(
        name: str, environment: dict[str, str], inner: int = 8080, memory_mb: int = 512, **settings: Any
    ) -> Iterator[int]:
        api = engine.api
        host = api.create_host_config(
            port_bindings={inner: ("127.0.0.1", None)}, read_only=True, tmpfs={"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"},
            cap_drop=["ALL"], security_opt=["no-new-privileges"], mem_limit=f"{memory_mb}m", memswap_limit=f"{memory_mb}m",
            **settings.pop("host", {}),
        )  # fmt: skip
        container = api.create_container(name, environment=environment, host_config=host, ports=[inner], **settings)["Id"]
        try:
            api.start(container)
            yield int(api.port(container, inner)[0]["HostPort"])
        except BaseException:
            print(api.logs(container, tail=40).decode(errors="replace"))
            raise
        finally:
            api.remove_container(container, force=True, v=True)

    return start


@pytest.fixture(scope="session")
def emulator() -> Path:
    """AWS's runtime interface emulator, from the pinned wheel that brings it."""
    rie = load(ENTRYPOINTS / "rie.py")
    try:
        return Path(rie.binary())
    except rie.Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def ask() -> Callable[..., tuple[int, bytes]]:
    """`ask(port, path, body, headers)`: waits until the container listens; then one POST."""

    def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        found: list[tuple[int, bytes]] = []
        wait_for(lambda: found.append(get(port, path, body, headers)) is None, 60)
        return found[0]

    return post


@pytest.fixture(scope="session")
def functions_key() -> str:
    return AZURE_KEY


@pytest.fixture(scope="session")
def files_of(engine: Engine) -> Callable[[str], dict[str, Any]]:
    """`files_of(name)`: path -> tar entry of every file and folder that the image adds to its base."""
    import tarfile

    def look(name: str) -> dict[str, Any]:
        found = engine.inspect(name)
        assert found is not None
        archive = io.BytesIO(b"".join(engine.save(name)))
        files: dict[str, Any] = {}
        with tarfile.open(fileobj=archive) as outer:
            manifest = json.load(outer.extractfile("manifest.json"))[0]  # type: ignore[arg-type]
            config = json.load(outer.extractfile(manifest["Config"]))  # type: ignore[arg-type]
            for layer, row in zip(manifest["Layers"], config["history"], strict=True):
                if row["created_by"] == "base image":
                    continue
                with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                    files |= {entry.name: entry for entry in inner if entry.isfile()}
        return files

    return look


@pytest.fixture(scope="module")
def guarded_registry(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """A registry behind a proxy that wants Basic credentials: (address, user, password). The proxy is this test's own."""
    user, password = "AWS", "short-lived"
    port = int(registry.rpartition(":")[2])
    with proxy(port, Basic(user, password)) as front:
        yield f"127.0.0.1:{front}", user, password


class Basic:
    """Answers 401 unless the request carries the credentials."""

    def __init__(self, user: str, password: str) -> None:
        self._wanted = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    def admits(self, head: bytes) -> bool:
        return self._wanted in head


_REASON = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
REFUSAL = (
    b'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm="test"\r\ncontent-type: application/json\r\n'
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_REASON), _REASON)
)


@contextlib.contextmanager
def proxy(port: int, guard: Basic | None = None, cut: Callable[[bytes], bool] | None = None) -> Iterator[int]:
    """A proxy of bytes in front of 127.0.0.1:port, one request a connection. `cut` says whether to drop a connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = self.request.recv(65536)
                if not piece:
                    return
                head += piece
            if guard is not None and not guard.admits(head):
                self.request.sendall(REFUSAL)
                return
            if cut is not None and cut(head):
                return
            host = f"127.0.0.1:{self.server.server_address[1]}"
            start, _, rest = head.partition(b"\r\n\r\n")
            lines = [line for line in start.split(b"\r\n") if not line.lower().startswith((b"connection:", b"host:"))]
            lines += [b"Connection: close", f"Host: {host}".encode()]
            with socket.create_connection(("127.0.0.1", port)) as behind:
                behind.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + rest)
                forth = threading.Thread(target=_pump, args=(self.request, behind), daemon=True)
                forth.start()
                _pump(behind, self.request)
                with contextlib.suppress(OSError):
                    self.request.shutdown(socket.SHUT_RDWR)
                forth.join(5)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join(5)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)


@pytest.fixture
def cut_once() -> Callable[[int], Any]:
    """`with cut_once(port) as (front, cuts)`: a proxy that drops the uploads of one whole push, as many as the engine tries."""

    @contextlib.contextmanager
    def start(port: int) -> Iterator[tuple[int, list[int]]]:
        cuts = [0]

        def cut(head: bytes) -> bool:
            is_upload = head.startswith((b"PATCH", b"PUT")) and b"/blobs/uploads/" in head.split(b"\r\n", 1)[0]
            if is_upload and cuts[0] < ENGINE_ATTEMPTS:
                cuts[0] += 1
                return True
            return False

        with proxy(port, cut=cut) as front:
            yield front, cuts

    return start
