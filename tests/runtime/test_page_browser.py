"""The page in a real headless Chromium, in front of a real server."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


class Visit:
    """An open page, with what it printed and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def has_sideways_scroll(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.fixture
def visit(browser: Browser, serve: Callable[..., Any]) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def open_page(name: str, settings: dict[str, str] | None = None, **options: Any) -> Visit:
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        visit = Visit(context.new_page())
        answer = visit.page.goto(serve(name, **(settings or {})).url + "/")
        assert answer is not None
        assert answer.status == 200
        return visit

    yield open_page
    for context in contexts:
        context.close()


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return {"name": "it's a photo.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_loads_quietly_and_fetches_nothing(visit: Callable[..., Visit]) -> None:
    for name in ("colour", "digits"):
        seen = visit(name)
        seen.page.wait_for_load_state("networkidle")
        assert seen.console == []
        assert [url.removeprefix(seen.page.url) for url in seen.requests if not url.startswith("data:")] == [""]
        expect(seen.page.get_by_role("heading", level=1)).to_have_text(name)
        expect(seen.page.locator("header")).to_contain_text("9f3c1e2")


def test_predicts_from_an_image(visit: Callable[..., Visit]) -> None:
    seen = visit("colour")
    seen.page.set_input_files("#file", picture((0, 0, 255)))
    first = seen.page.locator("#answer li").first
    expect(first).to_contain_text("blue")
    expect(seen.page.locator("#answer .times")).to_have_text(
        re.compile(r"ms round trip · queue .* decode .* infer .* encode .* (cold|warm) · \S+")
    )
    expect(seen.page.locator("#preview")).to_be_visible()
    curl = seen.page.locator("#curl").inner_text()
    assert "-H 'content-type: image/png'" in curl
    assert r"--data-binary @'it'\''s a photo.png'" in curl
    seen.page.set_input_files("#file", picture((255, 0, 0)))
    expect(first).to_contain_text("red")
    assert seen.console == []


def test_takes_a_dropped_image(visit: Callable[..., Visit]) -> None:
    seen = visit("colour")
    transfer = seen.page.evaluate_handle(
        """bytes => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], 'green.png', {type: 'image/png'}));
          return transfer;
        }""",
        list(picture((0, 255, 0))["buffer"]),
    )
    seen.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(seen.page.locator("#answer li").first).to_contain_text("green")


def test_image_model_takes_json_too(visit: Callable[..., Visit]) -> None:
    seen = visit("colour")
    seen.page.get_by_text("JSON", exact=True).click()
    expect(seen.page.locator("#text")).to_be_visible()
    seen.page.get_by_role("button", name="Predict").click()
    expect(seen.page.locator("#answer li")).to_have_count(2)


def test_predicts_from_json_with_the_keyboard(visit: Callable[..., Visit]) -> None:
    seen = visit("digits")
    box = seen.page.get_by_label("Request as JSON")
    box.fill('{"inputs": [[0, 0, 0, 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 9]]}')
    box.press("Control+Enter")
    best = seen.page.locator("#answer ol li:first-child")
    expect(best).to_have_count(2)
    expect(best.first).to_contain_text("three")
    expect(best.last).to_contain_text("seven")
    curl = seen.page.locator("#curl").inner_text()
    assert curl.startswith(f"curl -s {seen.page.url}predict")
    assert """-d '{"inputs":[[0,0,0,9,0,0,0,0],[0,0,0,0,0,0,0,9]]}'""" in curl


def test_the_curl_shown_works(visit: Callable[..., Visit]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl: apt-get install curl")
    seen = visit("table")
    seen.page.locator("#text").fill("""{"inputs": [{"price": 2, "count": 3, "shop, or web": "d'Or \\"x\\""}]}""")
    done = subprocess.run(["sh", "-c", seen.page.locator("#curl").inner_text()], capture_output=True, timeout=20, check=True)
    assert json.loads(done.stdout)["outputs"] == {"bill": [[6.0]], "where": [['d\'Or "x"']]}


def test_everything_is_reached_by_tab(visit: Callable[..., Visit]) -> None:
    seen = visit("colour", {"MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": "s3cret"})
    reached = []
    for _ in range(10):
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert reached[:6] == ["m-image", "file", "key", "go", "copy", "curl"]
    assert {"OpenAPI", "Metadata", "Metrics"} <= set(reached)


def test_shows_a_problem_readably(visit: Callable[..., Visit]) -> None:
    seen = visit("plain")
    seen.page.locator("#text").fill('{"inputs": [[1, 2, "three"]]}')
    seen.page.get_by_role("button", name="Predict").click()
    alert = seen.page.get_by_role("alert")
    expect(alert).to_contain_text("The input does not fit the model")
    expect(alert).to_contain_text("inputs[0][2] is 'three'; expected a number (FP32)")
    expect(alert).to_contain_text("422 · urn:mldeploy:problem:invalid-input")
    seen.page.locator("#text").fill('{"inputs": [[1, 2')
    seen.page.get_by_role("button", name="Predict").click()
    expect(alert).to_contain_text("The body is not valid JSON")
    seen.page.locator("#text").fill('{"inputs": [[1, 2, 3]]}')
    seen.page.get_by_role("button", name="Predict").click()
    expect(seen.page.locator("#answer pre")).to_have_text("[4,5]")
    expect(alert).to_have_count(0)


def test_says_so_when_there_is_no_image_or_it_is_too_large_or_no_image(visit: Callable[..., Visit]) -> None:
    seen = visit("colour", {"MLDEPLOY_MAX_BODY_BYTES": "2000"})
    seen.page.get_by_role("button", name="Predict").click()
    alert = seen.page.get_by_role("alert")
    expect(alert).to_contain_text("No image yet")
    seen.page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG broken"})
    expect(alert).to_contain_text("The image cannot be used")
    expect(seen.page.locator("#preview")).to_be_hidden()
    seen.page.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": b"x" * 3000})
    expect(alert).to_contain_text("Too large")


def test_says_so_when_the_endpoint_is_gone(visit: Callable[..., Visit]) -> None:
    seen = visit("plain")
    seen.page.route("**/predict", lambda route: route.abort())
    seen.page.get_by_role("button", name="Predict").click()
    expect(seen.page.get_by_role("alert")).to_contain_text("could not be reached")


def test_the_key_is_asked_for_and_sent(visit: Callable[..., Visit]) -> None:
    seen = visit("plain", {"MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": "s3cret"})
    seen.page.get_by_role("button", name="Predict").click()
    expect(seen.page.get_by_role("alert")).to_contain_text("A valid key is needed")
    seen.page.get_by_label("Key").fill("s3cret")
    seen.page.get_by_role("button", name="Predict").click()
    expect(seen.page.locator("#answer pre")).to_have_text("[0,0]")
    assert "$MLDEPLOY_API_KEY" in seen.page.locator("#curl").inner_text()
    assert "s3cret" not in seen.page.locator("#curl").inner_text()
    assert seen.page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_no_key_field_without_a_key(visit: Callable[..., Visit]) -> None:
    expect(visit("plain").page.get_by_label("Key")).to_be_hidden()


def test_hostile_names_and_labels_do_nothing(visit: Callable[..., Visit]) -> None:
    seen = visit("hostile", viewport={"width": 375, "height": 700})
    seen.page.set_input_files("#file", picture((0, 0, 255)))
    expect(seen.page.locator("#answer li").first).to_contain_text("<script>window.hacked = 1</script>")
    assert seen.page.evaluate("window.hacked") is None
    assert seen.console == []
    assert not seen.has_sideways_scroll()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(visit: Callable[..., Visit], scheme: str) -> None:
    seen = visit("digits", color_scheme=scheme)
    seen.page.get_by_role("button", name="Predict").click()
    seen.page.locator("#answer li").first.wait_for()
    ratios = seen.page.evaluate(CONTRAST)
    assert len(ratios) > 20
    assert min(ratio for _, ratio in ratios) >= 4.5, sorted(ratios, key=lambda r: r[1])[:5]
    back = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, back.removeprefix("rgb(").removesuffix(")").split(","))) > 382) is (scheme == "light")


# Contrast (WCAG 2.2) of every element with text of its own against the nearest painted background.
CONTRAST = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const out = [];
  for (const node of document.querySelectorAll('body *')) {
    if (!node.offsetParent || !(node.value || [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim()))) continue;
    let under = node, back;
    do { back = rgb(getComputedStyle(under).backgroundColor); under = under.parentElement; } while (under && back[3] === 0);
    const a = light(rgb(getComputedStyle(node).color)), b = light(back);
    out.push([node.tagName + ' ' + node.textContent.slice(0, 30), (Math.max(a, b) + .05) / (Math.min(a, b) + .05)]);
  }
  return out;
}"""


@pytest.mark.parametrize("name", ["colour", "digits", "table"])
def test_fits_a_phone(visit: Callable[..., Visit], name: str) -> None:
    seen = visit(name, viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True)
    if name == "colour":
        seen.page.set_input_files("#file", picture((0, 0, 255), (1600, 300)))
    else:
        seen.page.get_by_role("button", name="Predict").click()
    seen.page.locator("#answer .times").wait_for()
    assert not seen.has_sideways_scroll()
