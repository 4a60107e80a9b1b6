"""The corpus inside a real Lambda image: read-only root, no capabilities, an unprivileged user, the emulator put in front.

The image is that of the ImageNet example, which ships all that the corpus's models need but numpy; their bundles are mounted
into it. Hooks and text tensors need numpy: their cases run bare only (test_aws_ric.py). Engine, base and emulator are the
image tier's.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pytest

from mldeploy import state
from mldeploy.handlers.message import Response

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


doors = _load("aws_docker_envelopes", HERE / "aws_envelopes.py")
_tier = _load("aws_docker_image_tier", HERE.parents[1] / "image" / "conftest.py")
# The image tier's fixtures: its conftest is not this folder's.
engine, base, planned, made, emulator, run = (
    getattr(_tier, name) for name in ("engine", "base", "planned", "made", "emulator", "run")
)
NEED_NUMPY = ("hooked", "table", "several")
PATH = "/2015-03-31/functions/function/invocations"


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


def invoke(port: int, event: Any) -> Any:
    """One invocation; waits until the container listens."""

    def once() -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", PATH, json.dumps(event), {"content-type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    found: list[Any] = []
    _tier.wait_for(lambda: found.append(once()) is None, 30)
    return found[0]


def test_corpus_in_the_image(
    corpus: ModuleType,
    folder: Callable[[str], Path],
    shared: Callable[[str], Path],
    made: Callable[..., Any],
    run: Callable[..., Any],
    emulator: Path,
) -> None:
    image = made("aws", "imagenet")
    recipe = image.plan.image
    cases = [case for case in corpus.CORPUS if case.bundle not in NEED_NUMPY]
    assert len(cases) > 90
    front = ["/rie", "--runtime-interface-emulator-address", "0.0.0.0:8080", "--runtime-api-address", "127.0.0.1:9001"]
    found: list[str] = []
    for name, settings in corpus.processes(cases):
        own = [case for case in cases if case.bundle == name and corpus.settings(case) == settings]
        place = "/corpus"
        environment = {"MLDEPLOY_BUNDLE": place, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        binds = {str(emulator): {"bind": "/rie", "mode": "ro"}, str(shared(name)): {"bind": place, "mode": "ro"}}
        start = {"entrypoint": [*front, *recipe.entrypoint], "command": list(recipe.command), "host": {"binds": binds}}
        with run(image.name, {**environment, **settings}, **start) as port:

            def ask(case: Any, port: int = port) -> Response:
                form = sorted(doors.FORMS)[len(case.name) % len(doors.FORMS)]  # bare, every case goes through every envelope
                answer: Response = doors.response(invoke(port, doors.FORMS[form](case)))
                return answer

            found += corpus.run_corpus("aws", ask, folder, own)
    assert found == [], "\n".join(found)
