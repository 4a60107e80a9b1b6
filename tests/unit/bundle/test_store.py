"""The store: complete or absent, whatever happens to the packer."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from mldeploy import bundle
from mldeploy.bundle import store
from mldeploy.errors import MldeployError, ModelError
from mldeploy.handlers import manifest

HOOK = "def load(d): return 1\ndef predict(m, i): return i\n"
PYTHON = {
    "format": "python",
    "hook": "hook.py",
    "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1]}],
    "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1]}],
}


@pytest.fixture
def hooked(load, tmp_path):
    (tmp_path / "hook.py").write_text(HOOK)
    return load(**PYTHON)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_bundle_is_a_folder_named_by_its_fingerprint(hooked, tmp_path):
    packed = bundle.pack(hooked, tmp_path / "store")
    assert packed.root == tmp_path / "store" / packed.fingerprint
    assert names(packed.root) == ["bundle.json", "hook.py"]
    assert manifest.read(packed.root).raw["files"]["hook.py"]["bytes"] == len(HOOK)
    assert len(packed.short) == 7


def test_times_and_modes_are_normalised(hooked, tmp_path):
    old = os.umask(0o077)
    try:
        packed = bundle.pack(hooked, tmp_path / "store")
    finally:
        os.umask(old)
    for path in packed.root.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert path.stat().st_mtime == store.FILE_TIME
    assert stat.S_IMODE(packed.root.stat().st_mode) == 0o755


def test_the_second_pack_is_a_look_up(hooked, tmp_path):
    first = bundle.pack(hooked, tmp_path / "store")
    second = bundle.pack(hooked, tmp_path / "store")
    assert (first.is_cached, second.is_cached) == (False, True)
    assert second.root == first.root
    assert second.facts == first.facts


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "json", "not json", "schema", "a file"])
def test_a_damaged_bundle_is_packed_again(hooked, tmp_path, damage):
    root = bundle.pack(hooked, tmp_path / "store").root
    hook, document = root / "hook.py", root / "bundle.json"
    if damage == "cut":
        hook.write_text(HOOK[:-1])
    elif damage == "changed":
        hook.write_text(HOOK.replace("1", "2"))
    elif damage == "missing":
        hook.unlink()
    elif damage == "json":
        document.write_text("[]")
    elif damage == "not json":
        document.write_text("{")
    elif damage == "schema":
        document.write_text('{"schema": 99}')
    else:
        for path in root.iterdir():
            path.unlink()
        root.rmdir()
        root.write_text("in the way")
    again = bundle.pack(hooked, tmp_path / "store")
    assert not again.is_cached
    assert (again.root / "hook.py").read_text() == HOOK
    assert names(tmp_path / "store") == [again.fingerprint]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_failing_disk_is_named_and_leaves_nothing(hooked, tmp_path, monkeypatch, code):
    def fail(path):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store, "_sync", fail)
    with pytest.raises(MldeployError) as caught:
        bundle.pack(hooked, tmp_path / "store")
    expected = {errno.ENOSPC: "no space is left", errno.EDQUOT: "no space is left"}.get(code, "cannot be")
    assert expected in caught.value.message
    assert names(tmp_path / "store") == []


def test_a_full_disk_while_the_model_is_written(linear, load, tmp_path, monkeypatch):
    from mldeploy.bundle import onnx_file

    def full(model, path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    linear()
    monkeypatch.setattr(onnx_file, "save", full)
    with pytest.raises(MldeployError, match="no space is left"):
        bundle.pack(load(path="model.onnx"), tmp_path / "store")
    assert names(tmp_path / "store") == []


def test_a_store_that_cannot_be_made(hooked, tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(MldeployError, match="the bundle cannot be stored"):
        bundle.pack(hooked, tmp_path / "store")


def test_a_refused_model_leaves_nothing(load, tmp_path):
    (tmp_path / "hook.py").write_text("def load(d): pass\n")
    with pytest.raises(ModelError, match="defines no predict"):
        bundle.pack(load(**PYTHON), tmp_path / "store")
    assert names(tmp_path / "store") == []


def test_killed_half_way_nothing_is_visible_and_the_next_one_cleans_up(hooked, tmp_path):
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from mldeploy.bundle import store\n"
        "with store.publish(Path('store'), 'f' * 64) as folder:\n"
        "    (folder / 'model.onnx').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    left = names(tmp_path / "store")
    assert [name.startswith(".partial-") for name in left] == [True]
    packed = bundle.pack(hooked, tmp_path / "store")
    assert names(tmp_path / "store") == [packed.fingerprint]


def test_a_living_packer_keeps_its_folder(hooked, tmp_path):
    with store.publish(tmp_path / "store", "e" * 64) as folder:
        bundle.pack(hooked, tmp_path / "store")
        assert folder.is_dir()
        (folder / "bundle.json").write_text("{}")
    assert (tmp_path / "store" / ("e" * 64)).is_dir()


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_a_folder_that_is_taken_for_an_abandoned_one_is_made_again(tmp_path, monkeypatch, moment):
    taken = []
    name = "mkdtemp" if moment == "before it is opened" else "flock"
    module = store.tempfile if name == "mkdtemp" else store.fcntl
    original = getattr(module, name)

    def take_first(*args, **kwargs):
        result = original(*args, **kwargs)
        if not taken:
            folder = next((tmp_path / "store").iterdir())
            taken.append(folder.name)
            folder.rmdir()
        return result

    monkeypatch.setattr(module, name, take_first)
    with store.publish(tmp_path / "store", "e" * 64) as folder:
        (folder / "bundle.json").write_text("{}")
    assert names(tmp_path / "store") == ["e" * 64]
    assert len(taken) == 1


def test_a_rename_that_fails_for_another_reason(hooked, tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(store.Path, "rename", fail)
    with pytest.raises(MldeployError, match="Invalid cross-device link"):
        bundle.pack(hooked, tmp_path / "store")
    assert names(tmp_path / "store") == []


def test_an_error_in_the_block_publishes_nothing(tmp_path):
    with pytest.raises(KeyError), store.publish(tmp_path / "store", "e" * 64):
        raise KeyError("x")
    assert names(tmp_path / "store") == []


def test_many_at_once_all_get_the_same_bundle(hooked, tmp_path):
    barrier, found, failures = threading.Barrier(8), [], []

    def work():
        barrier.wait()
        try:
            found.append(bundle.pack(hooked, tmp_path / "store"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {packed.root for packed in found} == {tmp_path / "store" / found[0].fingerprint}
    assert names(tmp_path / "store") == [found[0].fingerprint]


def test_two_processes_at_once(linear, tmp_path):
    linear()
    script = (
        "from pathlib import Path\n"
        "from mldeploy import bundle\n"
        "from mldeploy.spec.loaded import LoadedSpec\n"
        "from mldeploy.spec.model import ModelSpec\n"
        "spec = ModelSpec.model_validate({'version': 1, 'name': 'demo', 'model': {'path': 'model.onnx'}})\n"
        "print(bundle.pack(LoadedSpec(spec, 'mldeploy.yaml', Path('.'), 'dev', {}), Path('store')).fingerprint)\n"
    )
    packers = [
        subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = {packer.communicate()[0].strip() for packer in packers}
    assert [packer.returncode for packer in packers] == [0, 0]
    assert names(tmp_path / "store") == sorted(answers)


def test_a_cached_pack_imports_nothing_heavy(linear, load, tmp_path):
    linear()
    bundle.pack(load(path="model.onnx"), tmp_path / "store")
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mldeploy import bundle\n"
        "from mldeploy.spec.loaded import LoadedSpec\n"
        "from mldeploy.spec.model import ModelSpec\n"
        "spec = ModelSpec.model_validate({'version': 1, 'name': 'demo', 'model': {'path': 'model.onnx'}})\n"
        "packed = bundle.pack(LoadedSpec(spec, 'mldeploy.yaml', Path('.'), 'dev', {}), Path('store'))\n"
        "assert packed.is_cached\n"
        "print([name for name in ('onnx', 'numpy', 'onnxruntime', 'sklearn', 'PIL') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_has_the_names_that_it_promises():
    assert bundle.inspect.__module__ == "mldeploy.bundle.inspection"
    assert {getattr(bundle, name).__name__ for name in bundle.__all__} == {
        "Bundle",
        "ModelFacts",
        "identify",
        "inspect",
        "pack",
    }
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bundle.nothing
