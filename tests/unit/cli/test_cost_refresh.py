"""`cost --refresh`: a new book is taken when it is whole, else the old one stays. The price API is a stand-in."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path

import pytest

from mldeploy.cli import cost_refresh
from mldeploy.cli.__main__ import main
from mldeploy.cost.book import PriceError
from mldeploy.providers import registry

BOOK = (files("mldeploy.providers.gcp") / "prices.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "prices" / "gcp.toml"


def answers(monkeypatch: pytest.MonkeyPatch, text: str | PriceError) -> None:
    """What the provider makes of its price API."""

    def fetch_prices(self: object, fetch: object, today: object) -> str:
        if isinstance(text, PriceError):
            raise text
        return text

    monkeypatch.setattr(type(registry.get("gcp")), "fetch_prices", fetch_prices)


def dated(date: str) -> str:
    return re.sub(r'^date = ".*"', f'date = "{date}"', BOOK, count=1, flags=re.MULTILINE)


def test_a_whole_book_is_kept_and_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    answers(monkeypatch, dated("2027-02-01"))
    assert main(["cost", "--refresh", "--cloud", "gcp", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"books": [{"provider": "gcp", "date": "2027-02-01", "fault": ""}]}
    assert elsewhere.is_file()
    main(["cost", "--requests", "3M", "--duration-ms", "9", "--cloud", "gcp"])
    assert "prices      gcp 2027-02-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PriceError("the price API does not answer"), "the price API does not answer"),
        ("version = 1", "sources: this table is missing"),
        (BOOK.replace('price = "', 'price = "9'), "the new price book is refused"),
        (dated("2020-01-01"), "older than"),
    ],
)
def test_whatever_is_off_keeps_the_old_book(
    text: str | PriceError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    answers(monkeypatch, text)
    assert main(["cost", "--refresh", "--cloud", "gcp"]) == 1
    seen = capsys.readouterr()
    assert said in seen.err
    assert seen.out == "gcp: the old book stays in use\n"
    assert not elsewhere.exists()


@pytest.fixture
def server() -> Iterator[Callable[[int, bytes, str], str]]:
    """A stand-in for a price API; the URL of one answer."""
    answer: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(str(answer["code"])))
            self.send_header("Content-Encoding", str(answer["encoding"]))
            self.end_headers()
            self.wfile.write(bytes(answer["body"]))  # type: ignore[call-overload]

        def log_message(self, *args: object) -> None:
            return None

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()

    def url(code: int, body: bytes, encoding: str = "identity") -> str:
        answer.update(code=code, body=body, encoding=encoding)
        return f"http://127.0.0.1:{running.server_port}/prices?key=secret"

    yield url
    running.shutdown()
    running.server_close()
    thread.join()


def test_documents_come_plain_or_packed(server: Callable[..., str]) -> None:
    assert cost_refresh.fetch(server(200, b"{}")) == b"{}"
    assert cost_refresh.fetch(server(200, gzip.compress(b"[1]"), "gzip")) == b"[1]"


@pytest.mark.parametrize(("code", "body", "encoding"), [(503, b"", "identity"), (403, b"no", "identity"), (200, b"{", "gzip")])
def test_a_bad_answer_is_named_without_the_key(server: Callable[..., str], code: int, body: bytes, encoding: str) -> None:
    with pytest.raises(PriceError, match=r"127\.0\.0\.1:\d+/prices: ") as failed:
        cost_refresh.fetch(server(code, body, encoding))
    assert "secret" not in failed.value.message


def test_prices_come_over_https_alone() -> None:
    for url in ("file:///etc/passwd", "http://example.org/prices", "ftp://example.org"):
        with pytest.raises(PriceError, match="https only"):
            cost_refresh.fetch(url)


def test_an_old_book_is_warned_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from mldeploy.cost import book

    monkeypatch.setattr(book, "STALE_DAYS", -100_000)
    assert main(["cost", "--requests", "3M", "--duration-ms", "9", "--cloud", "gcp"]) == 0
    assert "mldeploy cost --refresh --cloud gcp reads them anew" in capsys.readouterr().err
