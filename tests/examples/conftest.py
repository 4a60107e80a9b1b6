"""Examples brought up as a user would: `mldeploy up --cloud local` in a state folder of the test's own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
Ask = Callable[[bytes, str], Any]


def mldeploy(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line against `state`; fails the test with its output when it does not exit 0."""
    environment = {**os.environ, "MLDEPLOY_STATE_DIR": str(state)}
    command = [sys.executable, "-m", "mldeploy.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ask]]:
    """`serve("digits")` brings the example up and returns a function (body, content type) -> decoded answer."""
    state = tmp_path_factory.mktemp("state")
    started: list[str] = []

    def start(example: str) -> Ask:
        spec = str(EXAMPLES / example / "mldeploy.yaml")
        started.append(spec)
        url = json.loads(mldeploy(state, "up", "--cloud", "local", "-f", spec, "--json").stdout)["url"]

        def ask(body: bytes, content_type: str) -> Any:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
            connection.request("POST", "/predict", body, {"content-type": content_type})
            response = connection.getresponse()
            answer = json.loads(response.read())
            connection.close()
            assert response.status == 200, answer
            return answer

        return ask

    yield start
    for spec in started:
        mldeploy(state, "destroy", "--cloud", "local", "-f", spec, "-y")
