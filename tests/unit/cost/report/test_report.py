"""The report as text: whole, escaped, self-contained, small, and true to its document. How it looks is the browser's test."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from copy import deepcopy
from html.parser import HTMLParser
from typing import cast
from xml.etree import ElementTree

import pytest

from mldeploy.cost import report
from mldeploy.cost.document_shape import Document
from mldeploy.cost.report import cost_plot, latency_plot, region_plot, tables, wording
from mldeploy.cost.report.room import NARROW, WIDE

MIB = 1 << 20
VOID = {"meta", "link", "input", "br"}
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror=alert(1)> \" ' & `"


class Reader(HTMLParser):
    """What a browser would build: attributes, text, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def hostile(document: Document) -> Document:
    """The same with a hostile text wherever a text can be."""

    def changed(value: object, key: str) -> object:
        if isinstance(value, dict):
            return {name: changed(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [changed(each, key) for each in value]
        keeps = key in ("id", "option_id", "a", "b", "source", "cloud", "provider", "key", "marks", "url", "date")
        return value if not isinstance(value, str) or keeps else value + HOSTILE

    return cast(Document, changed(document, ""))


def test_the_page_is_whole(made: Document) -> None:
    page = Reader(report.html(made))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert page.text.index(made["answer"]) < page.text.index("Cost by requests"), "the answer comes first"


def test_the_page_allows_itself_and_nothing_else(made: Document) -> None:
    page = report.html(made)
    policy = re.search(r'content-security-policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")
    style, script = re.findall(r"<style>(.*?)</style>", page, re.S)[0], re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    found = Reader(page).attributes
    assert not [each for each in found if each[1] == "style" or each[1].startswith("on")]
    loaded = [each for each in found if each[1] in ("src", "href", "srcset", "action") and each[0] != "a"]
    assert loaded == [("link", "href", "data:,")]
    assert "url(" not in page
    assert "@import" not in page


def test_only_web_addresses_become_links(made: Document) -> None:
    found = deepcopy(made)
    found["sources"][0]["url"] = "javascript:alert(1)"
    links = {value for tag, name, value in Reader(report.html(found)).attributes if (tag, name) == ("a", "href")}
    assert "https://prices.example/north?a=1&b=2" in links
    assert all(link.startswith(("https://", "#source-")) for link in links)


def test_links_to_sources_arrive(made: Document) -> None:
    page = Reader(report.html(made))
    targets = {
        value.removeprefix("#") for tag, name, value in page.attributes if (tag, name) == ("a", "href") and value[0] == "#"
    }
    assert targets
    assert targets <= set(page.ids)


def test_hostile_texts_stay_texts(made: Document) -> None:
    page = report.html(hostile(made))
    assert page.count("<script") == 2
    assert "<img" not in page
    assert Reader(page).open == []
    assert HOSTILE in Reader(page).text
    data = re.search(r'id="data">(.*?)</script>', page, re.S)
    assert data is not None
    assert json.loads(data[1])["curves"][0]["name"].count(HOSTILE) == 4
    ElementTree.fromstring(report.svg(hostile(made)))


def test_every_figure_of_the_table_is_the_documents(made: Document) -> None:
    page = Reader(report.html(made)).text
    for row in tables._kept(made):
        assert wording.money(row["total_usd"]) in page
    for lines in made["bills"].values():
        for line in lines:
            assert line["how"] in page
            assert wording.price(line["price"]) in page
    for words in made["assumptions"]:
        assert words in page
    for source in made["sources"]:
        assert source["title"] in page
        assert source["date"] in page


def test_unknown_is_said_and_never_drawn(made: Document) -> None:
    page = Reader(report.html(made)).text
    assert "unknown" in page
    assert "compute" in next(tables.remarks(row) for row in made["options"] if row["region"] == "east-unpriced")
    assert all(row["total_usd"] is not None for row in latency_plot.shown(made))
    assert all(row["region"] != "east-unpriced" for row in region_plot.ranked(made, "cost"))


def test_one_time_for_all_is_no_plot(made: Document) -> None:
    found = deepcopy(made)
    for row in found["options"]:
        row["p95_ms"] = 120.0
    assert latency_plot.shown(found) == []
    assert "mldeploy bench --sweep" in Reader(report.html(found)).text
    ElementTree.fromstring(report.svg(found))


def test_stale_prices_are_warned_of(made: Document) -> None:
    assert 'class="warning"' not in report.html(made)
    found = deepcopy(made)
    found["books"][0] |= {"is_stale": True, "age_days": 120}
    assert "The north prices are 120 days old" in Reader(report.html(found)).text


def test_the_same_document_makes_the_same_bytes(made: Document) -> None:
    assert report.html(made) == report.html(json.loads(json.dumps(made)))
    assert report.svg(made) == report.svg(json.loads(json.dumps(made)))


def test_all_clouds_in_all_regions_are_small_and_quick(real: Document) -> None:
    assert len(real["options"]) > 3000
    assert len({row["cloud"] for row in real["options"]}) == 3
    before = time.process_time()
    page, picture = report.html(real), report.svg(real)
    assert time.process_time() - before < 1
    assert len(page.encode()) < MIB
    assert len(picture.encode()) < MIB / 4
    assert Reader(page).open == []
    assert "more options are left out here" in page


def test_the_picture_is_well_formed_and_says_the_answer(made: Document) -> None:
    root = ElementTree.fromstring(report.svg(made))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join("".join(root.itertext()).split())
    assert made["break_evens"][0]["text"] in words
    assert all(part in words for part in made["answer"].split())


def test_nothing_known_makes_a_page_too(empty: Document) -> None:
    page = Reader(report.html(empty)).text
    assert "No option has a known cost to draw." in page
    assert "No region has a known total." in page
    ElementTree.fromstring(report.svg(empty))


@pytest.mark.parametrize("requests", ["1", "1e15"])
def test_absurd_traffic_is_drawn(make: Callable[..., Document], requests: str) -> None:
    found = make(requests)
    page = report.html(found)
    assert "nan" not in re.findall(r'(?:x|y|cx|cy|points)="([^"]*)"', page)
    assert "inf" not in page.replace("info", "")
    ElementTree.fromstring(report.svg(found))


def test_what_is_free_is_drawn(made: Document) -> None:
    found = deepcopy(made)
    for curve in found["curves"]:
        curve["points"] = [(at, 0) for at, _ in curve["points"]]
    page = report.html(found)
    assert "≤ $0.01" in page
    assert "<b>$0</b>" in page


def test_a_curve_of_traffic_is_drawn(make: Callable[..., Document], made: Document) -> None:
    week = make(shape=([0.2] * 8 + [1.4] * 16) * 7)
    assert "Requests a second, by hour" in Reader(report.html(week)).text
    assert "in a weekly curve" in Reader(report.html(week)).text
    assert "Requests a second, by hour" not in Reader(report.html(made)).text


def test_marks_lie_on_the_paper(made: Document) -> None:
    curves = cost_plot.drawn(made)
    for room in (WIDE, NARROW):
        root = ElementTree.fromstring(cost_plot.plot(made, curves, room))
        for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
            for x, y in (map(float, pair.split(",")) for pair in line.attrib["points"].split()):
                assert room.x[0] - 0.1 <= x <= room.x[1] + 0.1
                assert room.y[1] - 0.1 <= y <= room.y[0] + 0.1


def test_clouds_keep_their_colours_when_options_come_and_go(made: Document) -> None:
    fewer = deepcopy(made)
    fewer["options"] = fewer["options"][:3] + [row for row in fewer["options"] if row["cloud"] == "south"][:1]
    assert wording.looks(fewer) == wording.looks(made)
    assert len({(look.css, look.shape) for look in wording.looks(made).values()}) == 3


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (None, "unknown"),
        (0, "$0"),
        (8.02, "$8.02"),
        (0.0024, "$0.0024"),
        (12400, "$12,400.00"),
        (2e-9, "$2.0e-09"),
        (0.005, "$0.005"),
        (-0.4, "−$0.40"),
    ],
)
def test_money_in_words(usd: float | None, words: str) -> None:
    assert wording.money(usd) == words


@pytest.mark.parametrize(
    ("grams", "words"),
    [(None, "unknown"), (0, "0"), (123.4, "123"), (0.0123, "0.012"), (6.13e-5, "0.000061"), (1e-9, "< 0.000001")],
)
def test_carbon_in_words(grams: float | None, words: str) -> None:
    assert wording.grams(grams) == words


@pytest.mark.parametrize(
    ("value", "words"), [(500, "500"), (1500, "1.5k"), (3e6, "3M"), (1e9, "1B"), (1e12, "1T"), (1e15, "1,000T"), (0.1, "0.1")]
)
def test_axes_in_words(value: float, words: str) -> None:
    assert wording.compact(value) == words


def test_a_clipped_curve_keeps_its_values() -> None:
    points = [(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)]
    assert cost_plot.clip(points, 5, 50) == [(5, 5), (10, 10), (50, 50)]
    assert cost_plot.value_at(points, 55) == 55
    assert cost_plot.value_at(points, 101) is None


def test_the_front_is_told_and_far_dearer_options_are_not(made: Document) -> None:
    shown = latency_plot.shown(made)
    told = [row for row in made["options"] if row["is_on_front"] or row["is_cheapest"]]
    assert all(row in shown for row in told)
    assert max(latency_plot.usd(row) for row in shown) <= max(map(latency_plot.usd, told)) * latency_plot.MOST_TIMES
