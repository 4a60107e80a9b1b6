"""`--apply`: the chosen configuration written into the spec. Comments and order stay; the result is checked before it is kept.

{"resources.memory_mb": 512} ─spec_edit─▶ text ─load, validate─▶ the spec, replaced in one step
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.cli import spec_edit
from mldeploy.cli.exits import UsageError
from mldeploy.cli.files import write_whole
from mldeploy.cli.layout import LABEL_WIDTH, pad
from mldeploy.cli.session import Session
from mldeploy.cost.contract import Priced
from mldeploy.cost.document_rows import config
from mldeploy.cost.values import Option
from mldeploy.errors import SpecError

if TYPE_CHECKING:
    from mldeploy.cli.cost_run import Outcome
    from mldeploy.spec.loaded import LoadedSpec


@dataclass(frozen=True)
class Written:
    """One key: where it was written, and its value before (None: not written) and after."""

    path: str
    before: Any
    after: Any


def apply_choice(session: Session, found: Outcome) -> tuple[Written, ...]:
    """Write what was chosen. Raises UsageError where there is no spec, or nothing to choose."""
    from mldeploy import spec

    (provider,) = found.stalls.providers.values()
    if found.loaded is None:
        raise UsageError("--apply needs a spec to write into", "give -f FILE, or make one: mldeploy init")
    if not found.comparison.chosen:
        reason = found.comparison.choices[0].reason
        raise UsageError(f"nothing can be applied: {reason}", "another --slo-ms, --region or --product")
    return apply(found.loaded, session.settings.file or spec.find(Path.cwd()), provider, found.comparison.chosen[0].option)


def lines(written: Sequence[Written], found: Outcome) -> Iterator[str]:
    """What was changed, and what to do next."""
    file = found.loaded.file if found.loaded is not None else ""
    for each in written:
        before = "not set" if each.before is None else str(each.before)
        yield f"{pad('wrote', LABEL_WIDTH)}{file}: {each.path} {before} → {each.after}"
    if not written:
        yield f"{pad('kept', LABEL_WIDTH)}{file} says so already"


def apply(loaded: LoadedSpec, path: Path, provider: Priced, option: Option) -> tuple[Written, ...]:
    """Make the spec at `path` deploy `option`; what is as wanted already is left alone. Raises SpecError, the spec untouched,
    where the result would not be valid, or would deploy something else."""
    text = path.read_bytes().decode()
    placed = {_place(loaded, key): value for key, value in provider.spec_keys(option).items()}
    written = tuple(
        Written(place, before, value) for place, value in placed.items() if (before := spec_edit.value_of(text, place)) != value
    )
    if written:
        fresh = spec_edit.with_values(text, {each.path: each.after for each in written})
        _check(path, fresh, loaded, provider, option)
        write_whole(path, fresh)
    return written


def _place(loaded: LoadedSpec, key: str) -> str:
    """Where the key is to be written: in the overlay of the stage where that sets it now, else in the base."""
    mark = loaded.marks.get(key)
    return f"stages.{mark.stage}.{key}" if mark is not None and mark.stage else key


def _check(path: Path, text: str, loaded: LoadedSpec, provider: Priced, option: Option) -> None:
    """Raise SpecError when `text` in the place of the spec is not valid (also for another cloud that the spec speaks of, and
    that was fine before), or when it means another size."""
    from mldeploy import deploy

    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix=f".{path.stem}.", dir=path.parent, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        fresh = deploy.load_spec(Path(file.name), loaded.stage)
        known = {(each.path, each.message) for each in deploy.validate(loaded, None)}
        elsewhere = [each for each in deploy.validate(fresh, None) if (each.path, each.message) not in known]
        problems = tuple(dict.fromkeys([*deploy.validate(fresh, provider.name), *elsewhere]))
    if problems:
        raise SpecError("the configuration does not go with the rest of the spec; nothing was written", problems=problems)
    found = provider.option(provider.product_of(fresh), fresh, None)
    if _size(found) != _size(option):
        raise SpecError(
            f"with {config(option)} written into it the spec would still deploy {config(found)}; nothing was written",
            "another key of the spec decides the size: `mldeploy preview -v` shows where each value comes from",
        )


def _size(option: Option) -> tuple[str, int, float, int]:
    return option.product, option.memory_mb, round(option.cpu, 6), option.min_instances
