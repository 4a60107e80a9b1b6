"""access: key: who is let in, and that nothing of a key is ever told."""

from __future__ import annotations

import pytest

from mldeploy.handlers import auth
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.problems import Problem

KEYED = ServingConfig(access="key", api_key="sésame-1")
RECEIVED = "sésame-1"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {RECEIVED}"},
        {"authorization": f"bEARER   {RECEIVED} "},
        {"x-api-key": RECEIVED},
        {"authorization": "Basic abc", "x-api-key": RECEIVED},
        {"authorization": "Bearer", "x-api-key": RECEIVED},
    ],
)
def test_the_key_opens(headers: dict[str, str]) -> None:
    auth.check(KEYED, "/predict", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": RECEIVED},
        {"authorization": "Bearer "},
        {"authorization": f"Basic {RECEIVED}"},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-api-key": RECEIVED + "x"},
        {"x-api-key": RECEIVED[:-1]},
        {"x-api-key": "\udcff"},
        {"authorization": "Bearer wrong", "x-api-key": RECEIVED},
    ],
)
@pytest.mark.parametrize(
    "path", ["/predict", "/metrics", "/metadata", "/openapi.json", "/v2", "/v2/models/digits/ready", "/nothing"]
)
def test_everything_else_stays_out(path: str, headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        auth.check(KEYED, path, headers)
    assert caught.value.status == 401
    assert dict(caught.value.headers) == {"www-authenticate": 'Bearer realm="mldeploy"'}
    assert "sésame" not in caught.value.detail + caught.value.expected
    assert "wrong" not in caught.value.detail + caught.value.expected


@pytest.mark.parametrize("path", ["/", "/v2/health/live", "/v2/health/ready"])
def test_probes_and_the_page_are_open(path: str) -> None:
    auth.check(KEYED, path, {})


@pytest.mark.parametrize("access", ["private", "public"])
def test_without_a_key_nothing_is_checked(access: str) -> None:
    auth.check(ServingConfig(access=access, api_key="left over"), "/predict", {"x-api-key": "anything"})
