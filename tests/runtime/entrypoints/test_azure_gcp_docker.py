"""The corpus inside the real images for Cloud Run and Azure Functions: read-only root, no capabilities, an unprivileged user.

The images are those of the ImageNet example, which ship all that the corpus's models need but numpy; their bundles are mounted
into them. Hooks and text tensors need numpy: their cases run bare only. Azure's image stands on a stand-in for its base,
with the stand-in Functions host before the real worker library. Engine and bases are the image tier's.
"""

from __future__ import annotations

import http.client
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pytest

from mldeploy import state

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wire = _load("docker_plain_http", HERE / "plain_http.py")
_tier = _load("azure_gcp_docker_image_tier", HERE.parents[1] / "image" / "conftest.py")
# The image tier's fixtures: its conftest is not this folder's.
engine, base, azure_base, planned, made, run = (
    getattr(_tier, name) for name in ("engine", "base", "azure_base", "planned", "made", "run")
)
NEED_NUMPY = ("hooked", "table", "several")
# See test_azure.py: the host leaves no trace of it.
MANGLED = "malformed escape"
ENTRIES = {"gcp": "gcp-server", "azure": "azure"}
PLACE = "/corpus"


@pytest.fixture(scope="module", autouse=True)
def _kept_state() -> Iterator[None]:
    """The image tier's state folder (bundles and wheels by their hashes), for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(state.ENVIRONMENT_NAME, str(platformdirs.user_cache_path("mldeploy") / "tests" / "image"))
        yield


@pytest.fixture
def shared(folder: Callable[[str], Path]) -> Iterator[Callable[[str], Path]]:
    """A bundle where anybody may read it: pytest's own folders are closed to the container's user."""
    with tempfile.TemporaryDirectory(prefix="mldeploy-corpus-") as root:
        Path(root).chmod(0o755)

        def get(name: str) -> Path:
            target = Path(root, name)
            if not target.exists():
                shutil.copytree(folder(name), target)
            return target

        yield get


def listening(port: int) -> Any:
    """The runtime in a container, once it is ready."""
    runtime = wire.Process(port, None, Path())
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            if runtime.send("GET", "/v2/health/ready").status == 200:
                return runtime
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    raise AssertionError("the container was not ready within 60 s")


@pytest.mark.parametrize("cloud", ENTRIES)
def test_corpus_in_the_image(
    cloud: str,
    corpus: ModuleType,
    folder: Callable[[str], Path],
    shared: Callable[[str], Path],
    made: Callable[..., Any],
    run: Callable[..., Any],
) -> None:
    image = made(cloud, "imagenet")
    wanted = [case for case in corpus.CORPUS if case.bundle not in NEED_NUMPY and ENTRIES[cloud] in case.only]
    cases = [case for case in wanted if cloud != "azure" or case.name != MANGLED]
    assert len(cases) > 80
    inner = image.plan.image.port
    found: list[str] = []
    for name, settings in corpus.processes(cases):
        own = [case for case in cases if case.bundle == name and corpus.settings(case) == settings]
        environment = {"MLDEPLOY_BUNDLE": PLACE, "PORT": str(inner), **settings}
        binds = {str(shared(name)): {"bind": PLACE, "mode": "ro"}}
        with run(image.name, environment, inner=inner, host={"binds": binds}) as port:
            found += corpus.run_corpus(ENTRIES[cloud], listening(port).ask, folder, own)
    assert found == [], "\n".join(found)
