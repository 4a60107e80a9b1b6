"""docs/http.md: every route, problem and header of the runtime is described, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from mldeploy.handlers import auth, predict
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.manifest import ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.problems import PROBLEMS
from mldeploy.handlers.routes import table

TEXT = (Path(__file__).parents[2] / "docs/http.md").read_text()


def manifest() -> Manifest:
    return Manifest(Path(), "{name}", "", "onnx", "", "", (), (), None, None, (), {})


def rows(header: str) -> list[list[str]]:
    """The cells of the table that begins with `header`."""
    lines = TEXT[TEXT.index(f"\n| {header} |") :].splitlines()[3:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_every_problem_with_its_status() -> None:
    documented = {cells[0].strip("`"): int(cells[1]) for cells in rows("type")}
    assert documented == {slug: status for slug, (status, _) in PROBLEMS.items()}


def test_every_route_with_its_method() -> None:
    documented = {tuple(cells[0].strip("`").split()) for cells in rows("route")}
    names = ("page", "metadata", "openapi", "metrics", "server", "model", "live", "ready", "model-ready")
    documents = dict.fromkeys(names, lambda: None)
    actual = {(route.method, path) for path, route in table("{name}", documents).items()}  # type: ignore[arg-type]
    assert documented == {(method, path) for method, path in actual if "/versions/" not in path}
    assert "/versions/1" in TEXT


def test_every_content_type() -> None:
    image = ImagePreprocess("x", 1, 1, "none", 1, "bilinear", "RGB", 0, "exact")
    documented = set(re.findall(r"`([a-z]+/[a-z-]+)`", " ".join(cells[0] for cells in rows("content type"))))
    taken = {
        media
        for preprocess in (image, TabularPreprocess(()))
        for media in predict.accepted_types(manifest()._replace(preprocess=preprocess))
    }
    assert documented == taken - {"application/json"}


def test_the_open_routes() -> None:
    assert set(auth.OPEN_PATHS) == {"/", "/v2/health/live", "/v2/health/ready"}, "and docs/http.md says so, under Headers"


def test_the_answer_headers_exist() -> None:
    source = "".join(Path(str(p)).read_text() for p in Path(Runtime.load.__code__.co_filename).parent.glob("*.py"))
    for cells in rows("header"):
        assert f'"{cells[0].strip("`")}"' in source
