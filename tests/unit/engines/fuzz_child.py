"""A process of its own that is given too little memory and wrong input: fuzz_child.py BUNDLES SEED. Run by test_processes.py.

Prints how often each outcome came up; anything but an answer, EngineError (and what derives from it) or MemoryError ends it
with a traceback, and a crash with a signal.
"""

from __future__ import annotations

import random
import resource
import sys
from collections import Counter
from pathlib import Path

from mldeploy.handlers import manifest
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, open_engine
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

STEPS = 60
RUNS = 6
MIB = 1 << 20
PLENTY = 64 << 30  # a limit all the same: the engine asks for it when it is opened


def used() -> int:
    """Address space in use, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def limit(headroom: int | None) -> None:
    top = PLENTY if headroom is None else used() + headroom
    resource.setrlimit(resource.RLIMIT_AS, (top, resource.RLIM_INFINITY))


def some_tensor(spec: TensorSpec, chance: random.Random) -> Tensor:
    """Mostly one that fits, sometimes large, sometimes wrong."""
    shape = tuple(chance.choice((0, 1, 2, 3, 17, 300)) if axis == -1 else axis for axis in spec.shape)
    dtype = spec.dtype
    if chance.random() < 0.2:
        shape = tuple(chance.choice((-1, 0, 5, 2**40)) for _ in range(chance.randrange(8)))
    if chance.random() < 0.1:
        dtype = chance.choice(list(ITEM_SIZE_BYTES))
    size = min(max(element_count(shape), 0) * ITEM_SIZE_BYTES[dtype], 64 * MIB)
    data = chance.randbytes(min(size, 4096)) * (size // 4096 + 1)
    return Tensor(dtype, shape, data[:size] if chance.random() < 0.9 else data[: size // 2])


def damaged(content: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return content[: chance.randrange(len(content))]
    if kind == 1:
        return content
    changed = bytearray(content)
    for _ in range(chance.choice((1, 3, 30))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def step(root: Path, content: bytes, chance: random.Random, seen: Counter[str]) -> None:
    (root / "model.onnx").write_bytes(damaged(content, chance))
    headroom = chance.choice((None, None, 4 * MIB, 65 * MIB, 70 * MIB, 80 * MIB, 100 * MIB, 140 * MIB))
    try:
        limit(headroom)
        engine = open_engine(manifest.read(root), ServingConfig(engine="lean", threads=chance.choice((1, 2))))
    except (EngineError, MemoryError) as error:
        seen[f"open: {type(error).__name__}"] += 1
        return
    finally:
        limit(None)
    seen["open: ok"] += 1
    for _ in range(RUNS):
        inputs = {spec.name: some_tensor(spec, chance) for spec in engine.inputs if chance.random() > 0.02}
        try:
            limit(chance.choice((None, 0, 1 * MIB, 8 * MIB, 64 * MIB)))
            engine.run(inputs, chance.choice((None, 5.0)))
            seen["run: ok"] += 1
        except (EngineError, MemoryError) as error:
            seen[f"run: {type(error).__name__}"] += 1
        finally:
            limit(None)
    engine.close()


def main(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    limit(None)
    bundles = sorted(path for path in folder.iterdir() if path.is_dir())
    originals = {root: (root / "model.onnx").read_bytes() for root in bundles}
    seen: Counter[str] = Counter()
    for number in range(STEPS):
        root = bundles[number % len(bundles)]
        step(root, originals[root], chance, seen)
    for outcome, times in sorted(seen.items()):
        print(outcome, times)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
