"""The report in a real headless Chromium: light, dark, on a phone, by pointer and by keyboard, and without scripts.

`MLDEPLOY_SCREENSHOTS=folder` keeps pictures to look at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from mldeploy.cost import report
from mldeploy.cost.document_shape import Document
from mldeploy.cost.report import wording

pytestmark = pytest.mark.browser
WIDE: dict[str, Any] = {"viewport": {"width": 1100, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
SCREENSHOTS = os.environ.get("MLDEPLOY_SCREENSHOTS", "")

# Contrast (WCAG 2.2) of every text that is shown, in HTML and in SVG, against the nearest painted background.
CONTRAST = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const out = [];
  for (const node of document.querySelectorAll('body *')) {
    if (!node.checkVisibility() || !['script', 'style'].every(tag => node.localName !== tag)) continue;
    if (![...node.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let under = node, back;
    do { back = rgb(getComputedStyle(under).backgroundColor); under = under.parentElement; } while (under && back[3] === 0);
    const style = getComputedStyle(node), a = light(rgb(node.localName === 'text' ? style.fill : style.color)), b = light(back);
    out.push([node.localName + ' ' + node.textContent.slice(0, 30), (Math.max(a, b) + .05) / (Math.min(a, b) + .05)]);
  }
  return out;
}"""
# Texts of one plot that cover each other, and texts that leave their paper.
COLLISIONS = """() => {
  const out = [];
  for (const svg of document.querySelectorAll('svg[role=img]')) {
    if (!svg.checkVisibility()) continue;
    const paper = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter(t => !t.closest('.even'));
    const boxes = texts.map(t => [t.textContent, t.getBoundingClientRect()]);
    const within = box => box.left > paper.left - 1 && box.right < paper.right + 1 && box.top > paper.top - 1
      && box.bottom < paper.bottom + 1;
    const across = (p, q) => Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = (p, q) => Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    out.push(...boxes.filter(([, box]) => !within(box)).map(([words]) => 'out: ' + words));
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      if (across(p, q) > 1 && down(p, q) > 3) out.push(a + ' × ' + b);
    }));
  }
  return out;
}"""


class Seen:
    """The report in an open page, with what it printed and asked for."""

    def __init__(self, page: Page, text: str, folder: Path) -> None:
        self.page, self.console, self.requests = page, list[str](), list[str]()
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        path = folder / "report.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())

    def has_sideways_scroll(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def keep(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    @property
    def paper(self) -> str:
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.fixture
def see(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Seen]]:
    contexts = []

    def open_page(document: Document, **options: Any) -> Seen:
        context = browser.new_context(**{**WIDE, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Seen(context.new_page(), report.html(document), tmp_path)

    yield open_page
    for context in contexts:
        context.close()


def shown(page: Page, kind: str) -> Locator:
    return page.locator(f"svg[data-plot={kind}]:visible")


def values(page: Page) -> list[str]:
    return page.locator("#cost-readout [data-curve] b").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(see: Callable[..., Seen], made: Document, scheme: str) -> None:
    seen = see(made, color_scheme=scheme)
    for details in seen.page.locator("details").all():
        details.evaluate("node => node.open = true")
    ratios = seen.page.evaluate(CONTRAST)
    assert len(ratios) > 500
    assert min(ratio for _, ratio in ratios) >= 4.5, sorted(ratios, key=lambda each: each[1])[:5]
    assert (sum(map(int, re.findall(r"\d+", seen.paper))) > 382) is (scheme == "light")
    seen.keep(scheme)


@pytest.mark.parametrize("options", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("which", ["made", "real"])
def test_it_fits_and_nothing_covers_anything(
    see: Callable[..., Seen], request: pytest.FixtureRequest, options: dict[str, Any], which: str
) -> None:
    seen = see(request.getfixturevalue(which), **options)
    assert not seen.has_sideways_scroll()
    assert seen.page.evaluate(COLLISIONS) == []
    seen.page.get_by_text("by carbon", exact=True).click()
    assert seen.page.evaluate(COLLISIONS) == []
    for details in seen.page.locator("details").all():
        details.evaluate("node => node.open = true")
    assert not seen.has_sideways_scroll()
    seen.keep(f"{which}-{options['viewport']['width']}")


@pytest.mark.parametrize("options", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_week_of_traffic_fits(see: Callable[..., Seen], make: Callable[..., Document], options: dict[str, Any]) -> None:
    seen = see(make(shape=([0.2] * 8 + [1.4] * 16) * 7), **options)
    assert not seen.has_sideways_scroll()
    assert seen.page.evaluate(COLLISIONS) == []
    seen.keep(f"week-{options['viewport']['width']}")


def test_texts_on_a_phone_are_large_enough(see: Callable[..., Seen], made: Document) -> None:
    page = see(made, **PHONE).page
    heights = page.evaluate(
        """() => [...document.querySelectorAll('svg[role=img] text')].filter(t => t.checkVisibility())
        .map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"""
    )
    assert len(heights) > 30
    assert min(heights) >= 10


def test_it_is_quiet_and_asks_for_nothing(see: Callable[..., Seen], real: Document) -> None:
    seen = see(real)
    seen.page.mouse.move(500, 400)
    seen.page.wait_for_load_state("networkidle")
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in seen.requests) == 1
    assert seen.page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_the_answer_is_the_first_thing_seen(see: Callable[..., Seen], made: Document) -> None:
    page = see(made, **PHONE).page
    expect(page.get_by_role("heading", level=1)).to_have_text(made["answer"])
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()


def test_it_is_whole_without_scripts(see: Callable[..., Seen], made: Document) -> None:
    page = see(made, java_script_enabled=False).page
    expect(shown(page, "cost")).to_be_visible()
    expect(shown(page, "latency")).to_be_visible()
    rows = {row["id"]: row for row in made["options"]}
    assert values(page) == [wording.money(rows[curve["option_id"]]["total_usd"]) for curve in made["curves"]]
    page.get_by_text("by carbon", exact=True).click()
    expect(page.locator(".by-carbon .for-wide")).to_be_visible()
    expect(page.locator(".by-cost .for-wide")).to_be_hidden()
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("cell", name="$0.62").first).to_be_visible()


def test_values_with_scripts_are_those_without(see: Callable[..., Seen], made: Document) -> None:
    assert values(see(made).page) == values(see(made, java_script_enabled=False).page)


def test_the_workload_is_told_to_the_last_request(see: Callable[..., Seen], make: Callable[..., Document]) -> None:
    page = see(make("12345678")).page
    at = page.locator("#cost-readout .at")
    expect(at).to_have_text("12,345,678")
    page.get_by_label("requests", exact=True).press("ArrowRight")
    expect(at).to_have_text(re.compile(r"^12,[1-9]00,000$"))


def test_the_pointer_reads_the_curves(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    before = values(page)
    box = shown(page, "cost").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    after = values(page)
    assert after != before
    assert all(float(a[1:].replace(",", "")) >= float(b[1:].replace(",", "")) for a, b in zip(after, before, strict=True))
    expect(page.locator("#cost-readout .at")).not_to_have_text("3,000,000")
    line = shown(page, "cost").locator(".cross")
    assert abs(float(line.get_attribute("x1") or 0) - 720 * 0.7) < 1, "the line is under the pointer"
    expect(page.locator("#cost-readout .least")).to_have_count(1)


def test_touch_reads_the_curves(see: Callable[..., Seen], made: Document) -> None:
    page = see(made, **PHONE).page
    before = values(page)
    box = shown(page, "cost").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    assert values(page) != before


def test_the_keyboard_reads_both_plots(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    requests = page.get_by_label("requests", exact=True)
    requests.focus()
    page.keyboard.press("End")
    at_end = values(page)
    page.keyboard.press("Home")
    assert values(page) != at_end
    assert re.match(r"[\d,]+ requests a month, least \$", requests.get_attribute("aria-valuetext") or "")
    times = page.get_by_label("fast to slow")
    times.focus()
    page.keyboard.press("Home")
    fastest = page.locator("#latency-readout").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#latency-readout").inner_text() != fastest
    assert "ms ·" in (times.get_attribute("aria-valuetext") or "")


def test_a_break_even_is_gone_to(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    number, even = next((n, each) for n, each in enumerate(made["break_evens"]) if each["requests"] > 10_000)
    page.get_by_role("button", name=even["text"]).nth(0).click()
    found = dict(zip((curve["option_id"] for curve in made["curves"]), values(page), strict=True))
    assert found[even["a"]] == found[even["b"]] == wording.money(even["usd"])
    assert shown(page, "cost").locator(".even").filter(has_text=re.compile(rf"{number + 1}$")).count() == 1


def test_a_curve_is_put_away_and_taken_back(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    first = page.locator("#cost-readout [data-curve='0'] button")
    first.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    expect(shown(page, "cost").locator("polyline").first).to_have_class(re.compile("is-off"))
    assert values(page)[0] == "–"
    first.press("Enter")
    expect(first).to_have_attribute("aria-pressed", "true")
    assert values(page)[0] == "$0.62"


def test_the_nearest_point_is_read(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    point = shown(page, "latency").locator(".point").nth(3)
    point.scroll_into_view_if_needed()
    words = point.locator("title").text_content() or ""
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    name, _, figures = words.partition(": ")
    expect(page.locator("#latency-readout")).to_contain_text(name)
    expect(page.locator("#latency-readout")).to_contain_text(figures.partition(" a month")[0])


def test_colours_are_switched_by_hand(see: Callable[..., Seen], made: Document) -> None:
    seen = see(made, color_scheme="light")
    light = seen.paper
    seen.page.get_by_role("button", name="switch to dark colours").click()
    assert seen.paper != light
    ratios = seen.page.evaluate(CONTRAST)
    assert min(ratio for _, ratio in ratios) >= 4.5
    seen.page.get_by_role("button", name="switch to light colours").click()
    assert seen.paper == light


def test_tables_are_sorted_with_the_unknown_last(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    table = page.locator("#options table")
    head = table.get_by_role("columnheader", name="total a month")
    for order in ("ascending", "descending"):
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", order)
        totals = table.locator("td.total").all_inner_texts()
        known = [float(each[1:].replace(",", "")) for each in totals if each != "unknown"]
        assert known == sorted(known, reverse=order == "descending")
        assert totals == [each for each in totals if each != "unknown"] + ["unknown"] * totals.count("unknown")
        assert "unknown" in totals


def test_rows_are_found_by_words(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    page.locator("#options").get_by_role("searchbox").fill("EASTERN 512 always")
    rows = page.locator("#options tbody tr:visible")
    assert 0 < rows.count() < 10
    for words in rows.all_inner_texts():
        assert "Eastern" in words
        assert "Always-on" in words


def test_a_figure_is_traced_to_its_source(see: Callable[..., Seen], made: Document) -> None:
    page = see(made).page
    bill = page.locator("#bills details").first
    bill.locator("summary").click()
    row = bill.locator("tbody tr").filter(has_text="GiB-s").first
    expect(row).to_contain_text("$0.0000166667")
    row.get_by_role("link").click()
    source = page.locator(":target")
    expect(source).to_be_in_viewport()
    assert source.locator("xpath=..").inner_text().split("\t")[1:] == ["Prices of north <list>", "2026-08-31", "page"]


def test_hostile_texts_do_nothing(see: Callable[..., Seen], made: Document) -> None:
    found = deepcopy(made)
    found["answer"] += "</h1></script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    for row in found["options"]:
        row["product_title"] += "</script><script>window.hacked = 1</script>"
    seen = see(found, **PHONE)
    assert seen.page.evaluate("window.hacked") is None
    assert seen.console == []
    assert not seen.has_sideways_scroll()


def test_nothing_known_is_a_quiet_page(see: Callable[..., Seen], empty: Document) -> None:
    seen = see(empty)
    assert seen.console == []
    expect(seen.page.get_by_text("No option has a known cost to draw.")).to_be_visible()


def test_the_picture_follows_light_and_dark(browser: Browser, made: Document, tmp_path: Path) -> None:
    path = tmp_path / "report.svg"
    path.write_text(report.svg(made), encoding="utf-8")
    colours: dict[Literal["light", "dark"], str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 30)"}
    for scheme, colour in colours.items():
        context = browser.new_context(color_scheme=scheme, viewport={"width": 800, "height": 1300})
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.evaluate("getComputedStyle(document.querySelector('.paper')).fill") == colour
        if SCREENSHOTS:
            page.screenshot(path=Path(SCREENSHOTS) / f"picture-{scheme}.png")
        context.close()
