"""Media types, charsets and content codings."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import media
from mldeploy.handlers.problems import Problem


@pytest.mark.parametrize(
    ("header", "name", "parameters"),
    [
        ("", "", {}),
        (" Application/JSON ", "application/json", {}),
        ("text/csv; Charset=UTF-8;header=present", "text/csv", {"charset": "UTF-8", "header": "present"}),
        ('multipart/form-data; boundary="a; \\"b"; x=1', "multipart/form-data", {"boundary": 'a; "b', "x": "1"}),
        ("a/b; boundary=one; boundary=two", "a/b", {"boundary": "one"}),
        ('a/b; x="never closed', "a/b", {"x": "never closed"}),
        ('a/b; x="ends with a backslash\\', "a/b", {"x": "ends with a backslash\\"}),
        ("a/b; junk", "a/b", {}),
        ("a/b;;; x=1", "a/b", {"x": "1"}),
    ],
)
def test_a_content_type_is_split(header: str, name: str, parameters: dict[str, str]) -> None:
    assert media.parse(header) == media.MediaType(name, parameters)


@given(st.text(max_size=60))
def test_any_header_has_a_name_in_lower_case(header: str) -> None:
    parsed = media.parse(header)
    assert ";" not in parsed.name
    assert parsed.name == parsed.name.strip()


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", "us-ascii"])
def test_utf8_is_taken(charset: str) -> None:
    media.check_charset(media.parse(f"text/csv; charset={charset}"))
    media.check_charset(media.parse("text/csv"))


def test_another_charset_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        media.check_charset(media.parse("text/csv; charset=latin-1"))
    assert caught.value.status == 415
    assert caught.value.field == "header content-type"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_gzip_is_undone_however_many_members(members: list[bytes]) -> None:
    body = b"".join(gzip.compress(member) for member in members)
    assert media.decoded(body, "GZIP", 1000) == b"".join(members)
    assert media.decoded(body, "identity", 1000) == body


@given(st.binary(max_size=100), st.integers(0, 40))
def test_any_gzip_is_a_bounded_body_or_a_problem(junk: bytes, start: int) -> None:
    body = gzip.compress(b"some text" * 9)
    outcome = _outcome(body[:start] + junk)
    if isinstance(outcome, Problem):
        assert outcome.slug in ("bad-request", "body-too-large")
    else:
        assert len(outcome) <= 50


def _outcome(body: bytes) -> bytes | Problem:
    try:
        return media.decoded(body, "gzip", 50)
    except Problem as problem:
        return problem


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    with pytest.raises(Problem) as caught:
        media.decoded(bomb, "gzip", 1000)
    assert caught.value.status == 413
    assert media.decoded(gzip.compress(bytes(1000)), "gzip", 1000) == bytes(1000)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"some text")[:-3], b"plain", zlib.compress(b"x"), gzip.compress(b"x") + b"tail"],
    ids=["cut short", "plain", "zlib", "with a tail"],
)
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        media.decoded(body, "gzip", 1000)
    assert caught.value.slug == "bad-request"


def test_another_coding_is_refused_with_those_that_are_taken() -> None:
    with pytest.raises(Problem) as caught:
        media.decoded(b"", "br", 1000)
    assert caught.value.status == 415
    assert caught.value.headers == (("accept-encoding", "gzip, identity"),)
