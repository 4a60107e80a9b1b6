"""A spec's text as the provider sees it, and AWS's API as moto plays it (a stand-in for the service, over real HTTP)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mldeploy import spec
from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.plan import Plan
from mldeploy.providers.aws.client import Clients
from mldeploy.providers.aws.provider import provider
from mldeploy.spec.loaded import LoadedSpec

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
HEAD = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"

Load = Callable[..., LoadedSpec]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The spec with more lines, loaded for a stage."""

    def loaded(text: str = "", stage: str = "dev") -> LoadedSpec:
        (tmp_path / "mldeploy.yaml").write_text(HEAD + text)
        (tmp_path / "model.onnx").write_bytes(b"x")
        return spec.load(tmp_path / "mldeploy.yaml", stage, settings_models={provider.name: provider.Settings})

    return loaded


@pytest.fixture
def planned(load: Load, tmp_path: Path) -> Callable[..., Plan]:
    """The plan of the spec with more lines."""
    tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
    bundle = Bundle(tmp_path / "bundle", "digits", "ab" * 32, "onnx", *tensors)
    return lambda text="", stage="dev": provider.plan(load(text, stage), bundle)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer
    server: ThreadedMotoServer = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """moto with nothing in it, and credentials for it."""
    import urllib.request

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    urllib.request.urlopen(urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")).close()
    return moto_url


@pytest.fixture
def clients(moto: str) -> Clients:
    return Clients(REGION, moto)


@pytest.fixture
def client(clients: Clients) -> Callable[[str], Any]:
    """A botocore client on moto, for what a test prepares and looks at."""
    return lambda service: clients(service)
