"""What `preview` and `up` say of a month, planned and against what this machine remembers of the last deployment."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from mldeploy import deploy
from mldeploy.cli import up
from mldeploy.cli.__main__ import main
from mldeploy.cli.cost_standing import Standing, standing
from mldeploy.cli.globals import Settings
from mldeploy.cli.money import change
from mldeploy.cli.session import Session
from mldeploy.cost.book import PriceError
from mldeploy.plan import Plan
from mldeploy.progress import SilentReporter
from mldeploy.providers import registry
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import records
from mldeploy.stacks.backend import Backend

MODEL = Path(__file__).parents[3] / "examples" / "tabular" / "model.skops"
SPEC = """\
version: 1
name: toys
model: {{path: {model}}}
resources: {{min_instances: {kept}}}
workload: {{requests: 1000000, duration_ms: 50}}
"""

Planned = Callable[[str, int], tuple[Plan, LoadedSpec]]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def plan(cloud: str, kept: int) -> tuple[Plan, LoadedSpec]:
        path = tmp_path / "mldeploy.yaml"
        path.write_text(SPEC.format(model=MODEL, kept=kept))
        loaded = deploy.load_spec(path, None)
        return deploy.preview(loaded, cloud, SilentReporter()), loaded

    return plan


def remember(plan: Plan) -> None:
    """As if it had been deployed from here."""
    record = records.Record("toys", "dev", Backend("file:///nowhere", "", ""), records.DEPLOYED, document=dict(plan.program))
    records.write(records.paths(plan.provider, "toys", "dev"), record)


def told(found: Standing | None) -> Standing:
    assert found is not None
    return found


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_a_kept_instance_is_the_difference(cloud: str, planned: Planned) -> None:
    none = told(standing(*planned(cloud, 0)))
    assert none.deployed is None
    assert not any("against what is deployed" in line for line in none.lines())
    remember(planned(cloud, 0)[0])
    one = told(standing(*planned(cloud, 1)))
    assert one.planned is not None
    assert one.deployed is not None
    assert one.planned.fixed - one.deployed.fixed > Decimal(1)
    first = next(iter(one.lines()))
    assert first.startswith("fixed     $")
    assert "(+$" in first
    assert "against what is deployed" in first
    same = told(standing(*planned(cloud, 0)))
    assert "(no change against what is deployed)" in next(iter(same.lines()))


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_the_month_of_the_specs_workload(cloud: str, planned: Planned) -> None:
    remember(planned(cloud, 0)[0])
    found = told(standing(*planned(cloud, 1)))
    assert found.month is not None
    assert found.before is not None
    assert found.month.total is not None
    assert found.before.total is not None
    delta = found.month.total - found.before.total  # an instance that is kept can also be cheaper than starting one again
    assert abs(delta) > Decimal("0.01")
    assert f"at the spec's workload ({change(delta)})" in list(found.lines())[1]
    document = found.document()
    assert Decimal(document["monthly_usd"]) == found.month.total
    assert Decimal(document["deployed_fixed_monthly_usd"]) == told(found).deployed.fixed  # type: ignore[union-attr]


def test_the_command_says_it_first(planned: Planned, capsys: pytest.CaptureFixture[str]) -> None:
    planned("gcp", 1)
    assert main(["preview", "--cloud", "gcp", "--offline", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("fixed     $")
    assert main(["preview", "--cloud", "gcp", "--offline", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert Decimal(document["fixed_monthly_usd"]) == Decimal(document["cost"]["fixed_monthly_usd"]) > 1


def test_up_says_it_before_it_makes_anything(planned: Planned, capsys: pytest.CaptureFixture[str]) -> None:
    _, loaded = planned("gcp", 1)
    up._show_cost(Session(Settings(cloud="gcp")), loaded, "gcp")
    said = capsys.readouterr()
    assert said.err.splitlines()[0].startswith("fixed     $")
    assert said.out == ""
    up._show_cost(Session(Settings()), loaded, "local")
    assert capsys.readouterr().err == ""


def test_a_cloud_that_sends_no_bill_has_none(planned: Planned) -> None:
    assert standing(*planned("local", 0)) is None


def test_prices_never_stop_a_deployment(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, loaded = planned("gcp", 0)

    def prices(self: object) -> None:
        raise PriceError("prices.toml: this is no price book")

    monkeypatch.setattr(type(registry.get("gcp")), "prices", prices)
    assert list(told(standing(plan, loaded)).lines()) == ["fixed     unknown: prices.toml: this is no price book"]


def test_a_record_that_cannot_be_understood_is_no_deployment(planned: Planned) -> None:
    plan, loaded = planned("gcp", 0)
    remember(dataclasses.replace(plan, program={"version": "of long ago"}))
    assert told(standing(plan, loaded)).deployed is None
