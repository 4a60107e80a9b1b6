"""What only a terminal shows: questions, colours, the running clock. The program runs on a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT_S = 60

HOOK = """
import time
import numpy as np
def load(model_dir):
    time.sleep(1.5)
def predict(model, inputs):
    return {"y": np.asarray(inputs["x"])}
"""
SPEC = """
version: 1
name: slow
access: public
model:
  format: python
  hook: hook.py
  inputs: [{name: x, dtype: FP32, shape: [-1, 1]}]
  outputs: [{name: y, dtype: FP32, shape: [-1, 1]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hook.py").write_text(HOOK)
    (tmp_path / "mldeploy.yaml").write_text(SPEC)
    return tmp_path


def plain_environ() -> dict[str, str]:
    """Without the variables that would measure coverage: it makes every start of the program twice as slow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def on_terminal(folder: Path, *words: str, typed: str = "", **environ: str) -> tuple[int, str]:
    """Run `mldeploy words`; type `typed` once it asks. Returns the exit code and everything that was shown."""
    ours, theirs = pty.openpty()
    env = {**plain_environ(), "MLDEPLOY_STATE_DIR": str(folder / "state"), "TERM": "xterm-256color", **environ}
    process = subprocess.Popen([sys.executable, "-m", "mldeploy.cli", *words], cwd=folder, env=env,
                               stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)  # fmt: skip
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    chunk = os.read(ours, 4096)
                except OSError:
                    break
                if not chunk:
                    break
                shown += chunk
            if typed and shown.rstrip().endswith(b"]"):
                os.write(ours, typed.encode())
                typed = ""
        return process.wait(LIMIT_S), shown.decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        process.kill()


def test_a_deployment_as_a_person_sees_it(folder: Path) -> None:
    try:
        code, shown = on_terminal(folder, "preview")
        assert code == 0
        assert "\x1b[31;1mPUBLIC" in shown
        code, shown = on_terminal(folder, "up")
        assert code == 0
        assert "\r\x1b[2Kserve     " in shown, "a step of over half a second has a running clock"
        assert "\x1b[32;1mslow is up\x1b[0m" in shown
        code, shown = on_terminal(folder, "status", "--no-color")
        assert "\x1b[3" not in shown
        code, shown = on_terminal(folder, "status", NO_COLOR="1")
        assert "\x1b[3" not in shown
        code, shown = on_terminal(folder, "destroy", typed="n\n")
        assert "Destroy slow · stage dev · local at http://127.0.0.1:" in shown
        assert (code, "Nothing was destroyed." in shown) == (1, True)
        code, shown = on_terminal(folder, "destroy", typed="y\n")
        assert (code, "slow · stage dev · local: destroyed" in shown) == (0, True)
    finally:
        on_terminal(folder, "destroy", "-y")


def test_ctrl_c_on_the_terminal_ends_a_followed_log(folder: Path) -> None:
    try:
        assert on_terminal(folder, "up")[0] == 0
        command = [sys.executable, "-m", "mldeploy.cli", "logs", "-f"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True,
                                   env={**plain_environ(), "MLDEPLOY_STATE_DIR": str(folder / "state")})  # fmt: skip
        with process:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.send_signal(2)
            assert process.wait(LIMIT_S) == 0
    finally:
        on_terminal(folder, "destroy", "-y")


def test_init_asks_which_model_and_whether_to_trust_a_pickle(tmp_path: Path) -> None:
    code = (
        "import pickle\nfrom sklearn.linear_model import LogisticRegression\n"
        "model = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 1])\npickle.dump(model, open('b.pkl', 'wb'))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    (tmp_path / "a.onnx").write_bytes((EXAMPLES / "imagenet" / "efficientnet-lite0.onnx").read_bytes()[:10])
    code_, shown = on_terminal(tmp_path, "init", typed="3\n")
    assert (code_, "1  a.onnx" in shown, "no model was chosen" in shown) == (2, True, True)
    code_, shown = on_terminal(tmp_path, "init", "--model", "b.pkl", typed="n\n")
    assert (code_, "b.pkl is a pickle" in shown, (tmp_path / "mldeploy.yaml").exists()) == (2, True, False)
    code_, shown = on_terminal(tmp_path, "init", "--model", "b.pkl", typed="y\n")
    assert (code_, "wrote" in shown) == (0, True)
    assert "trust_pickle: true" in (tmp_path / "mldeploy.yaml").read_text()
