"""One corpus of requests for every entry point: each has to give the status, the body and the headers that the core gives.

    Case ─▶ expected(case)      the runtime in this process, behind `handlers.gateway`
         └▶ ask(case)           the entry point at hand, through its envelope, in its real runtime
    run_corpus(entry, ask, bundle) compares the two and tells every difference

An entry point's tests translate `case.method`, `case.target`, `case.fields` and `case.body` into what their platform delivers
and the platform's answer back into a `Response`. Nothing here is a fixture, so that other tiers can use it as well:

    corpus = load_module("corpus", ".../tests/runtime/entrypoints/corpus.py")
    get = corpus.bundles(tmp_path)               # get("colour") -> folder; "digits-example" packs the real example

`environment` is what the runtime under test must be started with, `settings(case)` has it whole. Entries are named in ENTRIES.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mldeploy.handlers import gateway
from mldeploy.handlers.config import from_environ
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.log import Log
from mldeploy.handlers.message import Response

ROOT = Path(__file__).parents[3]
# What differs from machine to machine and shows in /metadata or /openapi.json is fixed.
COMMON = {"MLDEPLOY_CONCURRENCY": "1", "MLDEPLOY_TIMEOUT_S": "20", "MLDEPLOY_STAGE": "test"}
# Of one request alone, or made by the platform in between.
PER_REQUEST = {
    "x-request-id",
    "server-timing",
    "x-mldeploy-start",
    "date",
    "server",
    "connection",
    "content-length",
    "transfer-encoding",
    "keep-alive",
}


def load_module(name: str, path: Path) -> Any:
    """A Python file as a module; pytest's importlib mode puts no folder on sys.path."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_cases = load_module("_corpus_cases", Path(__file__).with_name("corpus_cases.py"))
Case, CORPUS, ENTRIES, KEY, picture = _cases.Case, _cases.CORPUS, _cases.ENTRIES, _cases.KEY, _cases.picture


def settings(case: Case) -> dict[str, str]:
    """The whole environment that the runtime under test needs for this case."""
    return {**COMMON, **case.environment}


def processes(cases: Iterable[Case]) -> list[tuple[str, dict[str, str]]]:
    """The different (bundle, environment) pairs: each is one process of the runtime under test."""
    found: list[tuple[str, dict[str, str]]] = []
    for case in cases:
        pair = (case.bundle, settings(case))
        if pair not in found:
            found.append(pair)
    return found


def bundles(root: Path) -> Callable[[str], Path]:
    """The folder of a bundle by its name, made when first asked for."""
    makers = load_module("_corpus_bundles", ROOT / "tests/runtime/conftest.py")

    @functools.cache
    def get(name: str) -> Path:
        if name == "digits-example":
            return example("digits", root / "store")
        folder = root / name
        return folder if folder.exists() else Path(makers.MAKERS[name](folder, name))

    return get


def example(name: str, store: Path) -> Path:
    """The bundle of a real example, packed as `mldeploy pack` does."""
    from mldeploy.bundle import pack
    from mldeploy.spec import load

    return Path(pack(load(ROOT / "examples" / name / "mldeploy.yaml"), store).root)


# The answer that is right


@functools.lru_cache(maxsize=32)
def _runtime(folder: Path, environment: tuple[tuple[str, str], ...]) -> Runtime:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    runtime = Runtime(folder, from_environ(dict(environment)), Log({}, nowhere))
    runtime.load()
    return runtime


def expected(case: Case, folder: Path) -> Response:
    """The core's own answer to the request as sent."""
    runtime = _runtime(folder, tuple(sorted(settings(case).items())))
    path, _, query = case.target.partition("?")
    headers: dict[str, str] = {}
    for name, value in case.fields:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return gateway.answer(runtime, case.method, path, query, headers, case.body)


def run_corpus(
    entry: str,
    ask: Callable[[Case], Response],
    bundle: Callable[[str], Path],
    cases: Iterable[Case] | None = None,
) -> list[str]:
    """Ask every case that applies to `entry`; all differences, by the case's name. Nothing asked is one, too."""
    chosen = [case for case in (CORPUS if cases is None else cases) if entry in case.only]
    if not chosen:
        return [f"no case applies to {entry}"]
    found = []
    for case in chosen:
        try:
            got = ask(case)
        except Exception as error:
            found.append(f"{case.name}: {type(error).__name__}: {error}")
            continue
        found += differences(case, expected(case, bundle(case.bundle)), got)
    return found


def differences(case: Case, wanted: Response, got: Response) -> list[str]:
    """What is not as it should be, in words."""
    found = []
    if got.status != wanted.status:
        found.append(f"status {got.status}, not {wanted.status}: {got.body[:300]!r}")
    elif case.is_stable and _anonymous(got) != _anonymous(wanted):
        found.append(f"body {_anonymous(got)[:300]!r}, not {_anonymous(wanted)[:300]!r}")
    given, right = _kept(got), _kept(wanted)
    found += [f"header {name} is {given.get(name)!r}, not {right[name]!r}" for name in right if given.get(name) != right[name]]
    said = dict(got.headers).get("x-request-id", "")
    sent = case.request.headers.get("x-request-id", "")
    echoed = dict(wanted.headers).get("x-request-id", "")
    if not said:
        found.append("there is no x-request-id")
    elif case.is_echoed and sent and echoed == sent and said != sent:
        found.append(f"x-request-id is {said!r}, not the caller's {sent!r}")
    return [f"{case.name}: {text}" for text in found]


def _anonymous(response: Response) -> bytes:
    """The body without the request's id."""
    return re.sub(rb"urn:mldeploy:request:[A-Za-z0-9._:-]+", b"urn:mldeploy:request:ID", response.body)


def _kept(response: Response) -> dict[str, str]:
    """The headers that are the same for the same request."""
    return {name.lower(): value for name, value in response.headers if name.lower() not in PER_REQUEST}
