from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers.server.target import TargetError, split_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"/predict?a=1&b=%20", "/predict", "a=1&b=%20"),
        (b"/a%20b%c3%a9", "/a bé", ""),
        (b"//predict", "//predict", ""),
        (b"/a//b/", "/a//b/", ""),
        (b"/.hidden/a.b/..c", "/.hidden/a.b/..c", ""),
        (b"/a?b?c", "/a", "b?c"),
        (b"http://host/predict?x", "/predict", "x"),
        (b"HTTPS://user@host:8/a", "/a", ""),
        (b"http://host", "/", ""),
        (b"http://host?x=/y", "/", "x=/y"),
    ],
)
def test_a_target_is_a_path_and_a_query(target: bytes, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (b"*", "must be a path"),
        (b"host:80", "must be a path"),
        (b"ftp://host/a", "must be a path"),
        (b"/a#b", "fragment"),
        (b"/a%2", "malformed"),
        (b"/a%zz", "malformed"),
        (b"/a%+1", "malformed"),
        (b"/%", "malformed"),
        (b"/a%2Fb", "escaped slash"),
        (b"/a%00", "control character"),
        (b"/a%0d%0ab", "control character"),
        (b"/a%7f", "control character"),
        (b"/a%ff", "not UTF-8"),
        (b"/../etc", "segments"),
        (b"/a/%2e%2e/b", "segments"),
        (b"/a/.", "segments"),
    ],
)
def test_an_ambiguous_target_is_refused_with_the_reason(target: bytes, reason: str) -> None:
    with pytest.raises(TargetError, match=reason):
        split_target(target)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_rooted_path_or_a_refusal(target: bytes) -> None:
    try:
        path, _ = split_target(target)
    except TargetError:
        return
    assert path.startswith("/")
    assert "\0" not in path or b"\0" in target
