"""`mldeploy init`: from a model file to a spec that is known to work, with a sample request and its computed answer."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mldeploy.cli import payload as payloads
from mldeploy.cli.exits import UsageError
from mldeploy.cli.files import write_whole
from mldeploy.cli.layout import pad
from mldeploy.cli.sample_request import REQUEST_FILE
from mldeploy.cli.session import Session
from mldeploy.cli.spec_draft import Draft, expected, render, spec_name
from mldeploy.cli.target import relative
from mldeploy.cli.verb import verb
from mldeploy.errors import DeployError, MldeployError, ModelError

if TYPE_CHECKING:
    from mldeploy.bundle.contract import Bundle
    from mldeploy.bundle.inspection import ModelFacts

SUFFIXES = (".onnx", ".skops", ".joblib", ".pkl", ".pickle")
ROWS = (".csv", ".npy")
IMAGES = (".jpg", ".jpeg", ".png", ".webp")
SPEC_FILE = "mldeploy.yaml"
_PATH = click.Path(path_type=Path)


@verb(
    "init",
    click.Option(["-m", "--model"], type=_PATH, metavar="FILE", help="ONNX (.onnx) or scikit-learn (.skops, .joblib) file."),
    click.Option(
        ["-d", "--data"],
        type=_PATH,
        metavar="FILE",
        help="Rows the model knows (.csv with a header, or .npy), or a picture: the sample request; rows also check "
        "the conversion.",
    ),
    click.Option(["--name"], metavar="NAME", help="The deployment's name. Default: from the file or its folder."),
    click.Option(["--trust-pickle"], is_flag=True, help="Load a pickle-based file (.joblib, .pkl); it can run any code."),
    click.Option(["--force"], is_flag=True, help="Overwrite a spec and a request.json that are there."),
)
def command(session: Session, model: Path | None, data: Path | None, name: str | None, trust_pickle: bool, force: bool) -> None:
    """Write mldeploy.yaml from a model file.

    Inspects the model, packs it, asks it once, and writes a commented spec and a sample request whose answer becomes the
    spec's smoke test. Without --model the only model file in this folder is taken.
    """
    from mldeploy import bundle

    spec_file = session.settings.file or Path(SPEC_FILE)
    session.after_interrupt = lambda: "nothing was written"
    model = model or _only_model(session)
    _check_free(spec_file, force)
    _check_data(data)
    _check_name(name)
    if not model.exists():
        raise UsageError(f"--model {model}: no such file", "give a model file; its path is relative to this folder")
    trust_pickle = trust_pickle or _may_trust(session, model)
    rows = data if data is not None and data.suffix == ".csv" else None
    with session.report.step("inspect", "reading the model") as step:
        facts = bundle.inspect(model, trust_pickle, rows)
        step.done(relative(model))
    for warning in facts.warnings:
        session.report.warn(warning)
    draft = _draft(facts, model, data, name, spec_file.absolute().parent)
    request = _request(facts, data, spec_file.absolute().parent / REQUEST_FILE)
    if request is not None and request[1]:
        _check_free(request[0], force)
    packed, draft = _try(session, draft, request, spec_file)
    written = [spec_file]
    if request is not None and request[1]:
        write_whole(request[0], request[1])
        written.append(request[0])
    write_whole(spec_file, render(draft))
    session.result(_document(facts, packed, draft, written), _lines(session, facts, packed, draft, written))


def _only_model(session: Session) -> Path:
    """The one model file in this folder; a person may choose among several."""
    found = sorted(path for path in Path().iterdir() if path.suffix in SUFFIXES and path.is_file())
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no model file here ({', '.join(SUFFIXES)})", "name it: mldeploy init --model FILE")
    listed = "\n".join(f"{number}  {path}" for number, path in enumerate(found, 1))
    if not session.is_interactive:
        raise UsageError(f"several model files here:\n{listed}", f"choose: mldeploy init --model {found[0]}")
    session.err.line(listed)
    session.err.stream.write(f"Which model? [1-{len(found)}] ")
    session.err.stream.flush()
    answer = sys.stdin.readline().strip()
    if not answer.isdecimal() or not 1 <= int(answer) <= len(found):
        raise UsageError("no model was chosen", "name it: mldeploy init --model FILE")
    return found[int(answer) - 1]


def _check_free(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise UsageError(f"{path} is there already", "--force overwrites it; -f FILE writes the spec elsewhere")


def _check_data(data: Path | None) -> None:
    if data is None:
        return
    if not data.is_file():
        raise UsageError(f"--data {data}: no such file", f"give one with the ending {', '.join(ROWS + IMAGES)}")
    if data.suffix.lower() not in ROWS + IMAGES:
        raise UsageError(f"--data {data}: neither rows nor a picture by its ending", f"one of {', '.join(ROWS + IMAGES)}")


def _check_name(name: str | None) -> None:
    if name is not None and spec_name(name, "") != name:
        raise UsageError(f"--name '{name}': at most 40 lower-case letters, digits and '-'", f"--name {spec_name(name, '')}")


def _may_trust(session: Session, model: Path) -> bool:
    """Ask about a pickle. Where nobody can be asked the answer is no, and inspecting says why."""
    from mldeploy.bundle.sniff import sniff

    if not session.is_interactive or not model.is_file() or model.stat().st_size == 0 or sniff(model).family != "pickle":
        return False
    return session.confirm(f"{model} is a pickle: loading it can run any code. Do you trust where it comes from?", refusal="")


def _draft(facts: ModelFacts, model: Path, data: Path | None, name: str | None, folder: Path) -> Draft:
    settings: dict[str, Any] = dict(facts.needs)
    if data is not None and facts.format == "sklearn" and data.suffix not in IMAGES:
        settings["parity_data"] = _written(data, folder)
    ends = [
        f"{what} {spec.name}: {spec.dtype} {list(spec.shape)}"
        for what, specs in (("input", facts.inputs), ("output", facts.outputs))
        for spec in specs[:4]
    ]
    chosen = name or spec_name(model.stem, model.absolute().parent.name)
    return Draft(chosen, _written(model, folder), facts.description, settings, facts.preprocess, facts.postprocess, tuple(ends))


def _written(path: Path, folder: Path) -> str:
    """A path as the spec says it: relative to the spec's folder."""
    return Path(os.path.relpath(path.absolute(), folder)).as_posix()


def _request(facts: ModelFacts, data: Path | None, file: Path) -> tuple[Path, str] | None:
    """The sample request's file and its text to write ("" for a file that is there already); None when nothing is known."""
    if data is not None and data.suffix.lower() in IMAGES:
        return data, ""
    sample = _npy_row(data, facts) if data is not None and data.suffix == ".npy" else facts.sample
    return None if sample is None else (file, json.dumps({"inputs": sample}, ensure_ascii=False) + "\n")


def _npy_row(data: Path, facts: ModelFacts) -> Any:
    import numpy as np

    try:
        rows = np.load(data, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"data: {data} is not a numpy array of numbers: {error}", "np.save(path, rows)") from error
    return rows[:1].tolist() if len(facts.inputs) == 1 and rows.ndim == len(facts.inputs[0].shape) else facts.sample


def _try(session: Session, draft: Draft, request: tuple[Path, str] | None, spec_file: Path) -> tuple[Bundle, Draft]:
    """Load and pack the drafted spec, and ask the packed model once; its answer becomes the smoke test."""
    from mldeploy import deploy

    with _beside(spec_file, render(draft)) as path:
        loaded = deploy.load_spec(path, session.settings.stage)
        deploy.check(loaded, session.settings.cloud_or_default)
        packed = deploy.pack(loaded, session.report)
        if request is None:
            return packed, draft
        with session.report.step("ask", "one prediction") as step:
            try:
                answer = _ask(session, loaded, request)
            except MldeployError as error:
                step.done("the sample request has no answer yet")
                session.report.warn(f"{error.message}\nthe sample request is written, but no smoke test")
                return packed, draft
            step.done("one prediction, for the smoke test")
        file = _written(request[0], spec_file.absolute().parent)
        return packed, replace(draft, smoke=expected(file, answer))


def _ask(session: Session, loaded: Any, request: tuple[Path, str]) -> Any:
    from mldeploy.cli.http_call import post
    from mldeploy.cli.serving import prepare
    from mldeploy.progress import SilentReporter
    from mldeploy.providers.contract import Endpoint

    path, text = request
    payload = payloads.Payload(text.encode(), payloads.JSON, path.name) if text else payloads.read_file(path)
    serving = prepare(loaded, session.settings.cloud_or_default, SilentReporter())
    with serving.runtime(is_silent=True) as runtime:
        runtime.accept()
        runtime.wait_ready()
        answer = post(Endpoint(runtime.url, serving.headers), "/predict", payload, 60.0)
    if answer.status != 200:
        from mldeploy.cli.answer import problem

        raise DeployError(problem(answer))
    return answer.json()


@contextmanager
def _beside(spec_file: Path, text: str) -> Iterator[Path]:
    """A passing file in the spec's folder, so that its relative paths mean the same."""
    descriptor, name = tempfile.mkstemp(prefix=".mldeploy-init-", suffix=".yaml", dir=spec_file.absolute().parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _document(facts: ModelFacts, packed: Bundle, draft: Draft, written: list[Path]) -> dict[str, Any]:
    return {
        "name": draft.name,
        "model": str(facts.path),
        "format": facts.format,
        "description": facts.description,
        "inputs": [spec._asdict() for spec in facts.inputs],
        "outputs": [spec._asdict() for spec in facts.outputs],
        "classes": list(facts.classes),
        "fingerprint": packed.fingerprint,
        "facts": dict(packed.facts),
        "written": [str(path) for path in written],
        "smoke": draft.smoke is not None,
    }


def _lines(session: Session, facts: ModelFacts, packed: Bundle, draft: Draft, written: list[Path]) -> Iterator[str]:
    rows = [(relative(facts.path), facts.description)]
    converted = " · ".join(str(packed.facts[key]) for key in ("converted", "parity") if packed.facts.get(key))
    if converted:
        rows.append(("converted", converted))
    names = ", ".join(relative(path) for path in written)
    rows.append(("wrote", names.replace(SPEC_FILE, f"{SPEC_FILE} (commented)", 1)))
    if draft.smoke is None:
        what = "PICTURE" if facts.preprocess and facts.preprocess["kind"] == "image" else "ROWS"
        rows.append(("smoke", f"no test yet; init --force --data {what} brings one along"))
    rows.append(("next", session.settings.call("up")))
    width = max(len(label) for label, _ in rows) + 3
    yield from (pad(label, width) + text for label, text in rows)
