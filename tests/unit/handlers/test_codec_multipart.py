"""multipart/form-data: what well-behaved clients send is read, everything doubtful is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import codec_multipart
from mldeploy.handlers.problems import Problem

PART = b'content-disposition: form-data; name="file"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'


def _body(*parts: bytes, boundary: bytes = b"xyz") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


@given(st.lists(st.binary(max_size=200).filter(lambda data: b"--xyz" not in data), min_size=1, max_size=4))
def test_files_come_out_as_they_went_in(contents: list[bytes]) -> None:
    found = codec_multipart.files(_body(*(PART + content for content in contents)), "xyz")
    assert [data for _, data in found] == contents
    names = ["file"] if len(contents) == 1 else [f"file[{index}]" for index in range(len(contents))]
    assert [name for name, _ in found] == names


@given(st.binary(max_size=200), st.text("xyz-", min_size=1, max_size=3))
def test_any_bytes_are_files_or_a_problem(body: bytes, boundary: str) -> None:
    for whole in (body, b"--xyz\r\n" + body, _body(body), _body(PART + body)):
        outcome = _outcome(whole, boundary)
        if isinstance(outcome, Problem):
            assert outcome.slug in ("bad-request", "invalid-input")
            assert outcome.field
        else:
            assert all(name.startswith("file") for name, _ in outcome)


def _outcome(body: bytes, boundary: str) -> list[tuple[str, bytes]] | Problem:
    try:
        return codec_multipart.files(body, boundary)
    except Problem as problem:
        return problem


def test_names_and_the_spellings_of_headers() -> None:
    part = (
        b"Content-Disposition:form-data ;FileName*=utf-8''%e2%82%ac.jpg;name=upload\r\n"
        b"Content-Transfer-Encoding: Binary\r\n\r\nJ"
    )
    assert codec_multipart.files(_body(part), "xyz") == [("file", b"J")]
    part = b"content-disposition: form-data; name=file\r\n\r\nJ"
    assert codec_multipart.files(_body(part), "xyz") == [("file", b"J")]


def test_no_parts_are_no_files() -> None:
    assert codec_multipart.files(b"--xyz--", "xyz") == []


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"", "body", "does not start with the boundary"),
        (b"\r\n" + _body(PART), "body", "does not start with the boundary"),
        (b"--xyz", "part 1", "a boundary is not at the end of its line"),
        (b"--xyzz\r\n", "part 1", "a boundary is not at the end of its line"),
        (b"--xyz\n" + PART, "part 1", "a boundary is not at the end of its line"),
        (b"--xyz\r\n" + PART + b"data", "part 1", "the last boundary is missing"),
        (_body(PART)[:-6], "part 1", "the last boundary is missing"),
        (_body(PART, PART)[:-8], "part 2", "the last boundary is missing"),
        (_body(b"content-disposition: form-data; name=file"), "part 1", "no headers"),
        (_body(b"x: " + b"y" * 5000 + b"\r\n\r\n"), "part 1", "no headers, or more than 4096 bytes"),
        (_body(b"x: \xff\r\n\r\n"), "part 1", "headers that are not UTF-8"),
        (_body(b"x: y\r\n\r\n"), "part 1", "no content-disposition"),
        (_body(b"content-disposition: attachment; name=file\r\n\r\n"), "part 1", "no content-disposition"),
        (
            _body(b"content-disposition: form-data; filename=x\r\n\r\n"),
            "part 1",
            "no content-disposition: form-data with a name",
        ),
        (_body(b"content-transfer-encoding: base64\r\n" + PART), "part 1", "a content-transfer-encoding"),
        (_body(PART, b"content-disposition: form-data; name=title\r\n\r\nx"), "part 2", "part 2 ('title') is not a file"),
        (_body(*[PART] * 65), "body", "more than 64 parts"),
    ],
)
def test_what_is_doubtful_is_refused(body: bytes, field: str, says: str) -> None:
    with pytest.raises(Problem) as caught:
        codec_multipart.files(body, "xyz")
    assert caught.value.field == field
    assert says in caught.value.detail


@pytest.mark.parametrize("boundary", ["", "x" * 71, "é"])
def test_a_boundary_has_to_be_usable(boundary: str) -> None:
    with pytest.raises(Problem) as caught:
        codec_multipart.files(_body(PART), boundary)
    assert caught.value.field == "header content-type"
