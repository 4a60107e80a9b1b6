"""The page as a document: its headers, what is in it, and that nothing from a bundle becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mldeploy.handlers import page
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.manifest import Column, Manifest, TabularPreprocess, read

CONFIG = ServingConfig()
Bundles = Callable[[str], Path]
TEMPLATE = Path(page.__file__).with_name("page.html")


class Parsed(HTMLParser):
    """Tags, attributes, and the text in each element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.tags[-1][0] if self.tags else "", data.strip()))


def rendered(manifest: Manifest, config: ServingConfig = CONFIG) -> str:
    return page.render(manifest, config).decode()


def facts(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', text, re.S)
    assert found
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("name", ["plain", "colour", "table", "digits", "several", "mixed", "hooked", "hostile"])
def test_complete_and_small(bundle: Bundles, name: str) -> None:
    text = rendered(read(bundle(name)))
    assert "{{" not in text or name == "hostile"
    assert len(text.encode()) < 20_000
    assert facts(text)["max"] == CONFIG.max_body_bytes


def test_nothing_is_fetched_from_elsewhere(bundle: Bundles) -> None:
    parsed = Parsed(rendered(read(bundle("colour"))))
    for tag, attributes in parsed.tags:
        assert tag not in ("iframe", "object", "embed", "base")
        assert not any(key.startswith("on") or key == "style" for key in attributes), "inline handlers and styles are blocked"
        for key in ("src", "href", "action"):
            target = attributes.get(key) or ""
            assert "//" not in target
            assert not target.startswith("/"), "relative: the endpoint may stand below a path"


def test_policy_allows_exactly_this_style_and_script() -> None:
    headers = dict(page.headers())
    policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split("; ")}
    assert policy["default-src"] == ["'none'"]
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        inner = re.findall(rf"<{tag}>(.*?)</{tag}>", TEMPLATE.read_text(), re.S)
        assert len(inner) == 1
        digest = base64.b64encode(hashlib.sha256(inner[0].encode()).digest()).decode()
        assert policy[directive] == [f"'sha256-{digest}'"]
    for directive in ("base-uri", "form-action", "frame-ancestors"):
        assert policy[directive] == ["'none'"]
    assert headers["x-content-type-options"] == "nosniff"


def test_script_and_style_hold_no_marker() -> None:
    """Else their hashes would not fit the page."""
    for block in re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", TEMPLATE.read_text(), re.S):
        assert "{{" not in block


def test_hostile_names_stay_text(bundle: Bundles) -> None:
    hostile, harmless = read(bundle("hostile")), read(bundle("colour"))
    text = rendered(hostile)
    assert [tag for tag, _ in Parsed(text).tags] == [tag for tag, _ in Parsed(rendered(harmless)).tags]
    assert "<script>window.hacked" not in text
    labelled = hostile._replace(top_k=None)
    assert facts(rendered(labelled))["labels"] == list(hostile.labels), "and arrive unchanged"


def test_signature_of_an_image_model(bundle: Bundles) -> None:
    words = " ".join(text for _, text in Parsed(rendered(read(bundle("colour")))).texts)
    assert "colour" in words
    assert "9f3c1e2" in words
    assert "image, JPEG, PNG or WebP (8 × 8 px inside)" in words
    assert "the best 2 of 3 classes" in words


def test_signature_of_a_table(bundle: Bundles) -> None:
    manifest = read(bundle("table"))
    words = rendered(manifest)
    assert "<td>shop, or web<td>text" in words
    assert "<td>price<td>number" in words
    many = TabularPreprocess(tuple(Column(f"c{n}", "INT64" if n else "BOOL", "price", 0) for n in range(100)))
    text = rendered(manifest._replace(preprocess=many))
    assert "<td>c0<td>true or false" in text
    assert "<td>c1<td>whole number" in text
    assert "100 columns in all" in text
    assert "<td>c99<td>" not in text


def test_what_the_script_is_told(bundle: Bundles) -> None:
    digits = facts(rendered(read(bundle("digits")), CONFIG._replace(access="key", api_key="s3cret", max_body_bytes=99)))
    assert digits["key"] is True
    assert digits["max"] == 99
    assert len(digits["labels"]) == 10
    assert json.loads(digits["sample"]) == {"inputs": [[0.0] * 8]}
    assert "s3cret" not in rendered(read(bundle("digits")), CONFIG._replace(access="key", api_key="s3cret"))
    assert facts(rendered(read(bundle("colour"))))["image"] is True
    assert facts(rendered(read(bundle("mixed"))))["image"] is False, "an image alone is not all that it takes"
    assert facts(rendered(read(bundle("hooked"))))["sample"] == '{"inputs": }'


def test_many_labels_are_left_to_the_answers(bundle: Bundles) -> None:
    digits = read(bundle("digits"))
    assert facts(rendered(digits._replace(labels=("x",) * 1001)))["labels"] == []


def test_long_samples_are_laid_out_on_lines(bundle: Bundles) -> None:
    plain = read(bundle("plain"))
    specs = tuple(plain.inputs[0]._replace(name=name, shape=(3, 2, 8)) for name in ("a", "b"))
    sample = facts(rendered(plain._replace(inputs=specs)))["sample"]
    assert 3 < len(sample.splitlines()) < 30
    assert set(json.loads(sample)["inputs"]) == {"a", "b"}
    row = plain._replace(inputs=(plain.inputs[0]._replace(shape=(50,)),))
    assert len(facts(rendered(row))["sample"].splitlines()) == 1, "a row of numbers stays one line"


def test_import_is_light() -> None:
    """The page and the documents are not part of a cold start, and pull in nothing heavy when they come."""
    program = (
        "import sys; from mldeploy.handlers import core; before = set(sys.modules)\n"
        "assert not {'mldeploy.handlers.page', 'mldeploy.handlers.openapi', 'mldeploy.handlers.oip', 'html'} & before, before\n"
        "from mldeploy.handlers import oip; late = set(sys.modules) - before\n"
        "assert not {n for n in late if not n.startswith('mldeploy') and n not in ('struct', '_struct')}, late\n"
        "from mldeploy.handlers import page, openapi\n"
        "assert not {'numpy', 'PIL', 'onnxruntime', 'asyncio'} & set(sys.modules)\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it imports a lot itself
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environ)
    assert done.returncode == 0, done.stderr
