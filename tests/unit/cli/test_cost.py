"""`cost` and `compare` as a person calls them, over the price books that ship."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mldeploy.cli.__main__ import main
from mldeploy.cost import measurements
from mldeploy.cost.measurements import Point, Sweep

BASE = ["--requests", "3M", "--duration-ms", "120"]
LAMBDA = ["--cloud", "aws", "--product", "lambda-x86_64"]
SPEC = """\
version: 1
name: digits
model:
  path: model.onnx   # trained elsewhere
workload:
  requests: 3000000  # a month
stages:
  prod:
    resources: {memory_mb: 2048}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with a state folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> tuple[int, str, str]:
        code = main(list(args))
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.fixture
def spec(elsewhere: Path) -> Path:
    """A spec whose model was measured at three sizes of one cloud: the larger, the faster."""
    from mldeploy import bundle, deploy, state

    model = Path(__file__).parents[3] / "examples" / "digits"
    (elsewhere / "model.onnx").write_bytes(_onnx(model))
    path = elsewhere / "mldeploy.yaml"
    path.write_text(SPEC)
    fingerprint = bundle.identify(deploy.load_spec(path, None), state.bundle_store()).fingerprint
    points = tuple(
        Point("aws", "lambda-x86_64", mb, mb / 1769, mean_ms=ms, p95_ms=ms * 1.25, cpu_ms=40.0, start_ms=300.0, requests=100)
        for mb, ms in ((512, 200.0), (1024, 120.0), (1769, 90.0))
    )
    measurements.save(Sweep(fingerprint, "digits", "2026-11-21", "a desk", "made up for a test", points))
    return path


def _onnx(folder: Path) -> bytes:
    """The smallest model: it answers what it is asked."""
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "echo", [x], [y])
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    return made


def _csv(value: object) -> str:
    return "" if value is None else str(value)


def row(document: dict[str, Any], product: str) -> dict[str, Any]:
    return next(each for each in document["options"] if each["product"] == product and not each["min_instances"])


def test_a_worked_example_from_the_command_line(run: Run) -> None:
    """AWS's own first example: 3,000,000 × 120 ms × 1,536 MB, with free tier: $2.73 (https://aws.amazon.com/lambda/pricing/)."""
    code, out, _ = run("cost", *BASE, *LAMBDA, "--memory-mb", "1536", "--json")
    assert code == 0
    document = json.loads(out)
    found = row(document, "lambda-x86_64")
    assert round(found["variable_usd"], 2) == 2.73
    assert found["is_cheapest"]
    assert document["books"][0]["date"] >= "2026-08-31"


def test_without_the_free_tier_it_costs_more(run: Run) -> None:
    _, out, _ = run("cost", *BASE, *LAMBDA, "--memory-mb", "1536", "--no-free-tier", "--json")
    document = json.loads(out)
    assert round(row(document, "lambda-x86_64")["variable_usd"], 2) == 9.60  # 540,000 GB-s and 3,000,000 requests, all paid
    assert "free tiers are left out" in document["assumptions"]


def test_every_form_says_the_same(run: Run, elsewhere: Path) -> None:
    args = ["compare", *BASE, "--cloud", "gcp,aws"]
    document = json.loads(run(*args, "--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(run(*args, "--format", "csv")[1])))
    assert [(e["id"], e["total_usd"]) for e in rows] == [(e["id"], _csv(e["total_usd"])) for e in document["options"]]
    markdown, table = run(*args, "--format", "md")[1], run(*args)[1]
    for text in (markdown, table):
        words = " ".join(text.split())  # a table breaks lines
        assert document["answer"] in words
        assert all(each["text"] in words for each in document["break_evens"])
        assert all(each in words for each in document["assumptions"])
    for form, start in (("html", "<!doctype html>"), ("svg", "<svg")):
        file = elsewhere / f"cost.{form}"
        code, out, err = run(*args, "--format", form, "-o", str(file))
        assert (code, out) == (0, "")
        assert err.splitlines()[-1].split() == ["wrote", str(file)]
        assert file.read_text().lstrip().lower().startswith(start)
        assert len(file.read_bytes()) < 1_000_000


def test_the_table_has_one_row_for_each_way_to_run_and_names_the_rest(run: Run) -> None:
    _, out, _ = run("compare", *BASE, "--cloud", "gcp", "--no-color")
    assert "run-request" in out
    assert "for comparison only" in out
    assert "gpu-l4" in run("compare", *BASE, "--cloud", "gcp", "--region", "europe-west1")[1]  # why it is unknown
    _, everything, _ = run("compare", *BASE, "--cloud", "gcp", "--all")
    assert everything.count("run-request") > out.count("run-request")


def test_explain_leads_from_a_figure_to_its_source(run: Run) -> None:
    args = ["cost", *BASE, *LAMBDA, "--memory-mb", "1536", "--explain"]
    _, out, _ = run(*args)
    assert "(540,000 − 400,000 free) GB-s × $0.0000166667 = $2.33" in out
    assert "(3,000,000 − 1,000,000 free) requests × $0.0000002 = $0.40" in out
    assert "https://" in out
    document = json.loads(run(*args, "--json")[1])
    ((name, positions),) = document["explained"].items()
    total = next(each["total_usd"] for each in document["options"] if each["id"] == name)
    assert abs(float(sum(Decimal(each["amount_usd"]) for each in positions)) - total) < 1e-9
    assert any(also["source"]["url"] for each in positions for also in each["also"])  # where the free tier is from
    assert all(each["source"]["date"] and each["source"]["url"] and each["source"]["confidence"] for each in positions)
    code, _, err = run(*args, "--format", "csv")
    assert code == 2
    assert "--explain has no csv form" in err


def test_break_evens_of_two_that_are_named(run: Run) -> None:
    args = ["compare", *BASE, "--all", "--json", "--break-even"]
    document = json.loads(run(*args, "lambda-x86_64/512MB,run-request/512MB")[1])
    a, b = document["break_evens"][0]["a"], document["break_evens"][0]["b"]
    assert ("lambda-x86_64" in a, "512MB" in a, "run-request" in b, "512MB" in b) == (True,) * 4
    code, _, err = run("compare", *BASE, "--break-even", "lambda-x86_65,run-request")
    assert (code, "did you mean lambda-x86_64" in err) == (2, True)
    code, _, err = run("compare", *BASE, "--break-even", "aws/lambda-x86_64,aws/us-east-1/lambda-x86_64")
    assert (code, "mean the same option" in err) == (2, True)
    assert run("compare", *BASE, "--break-even", "aws")[0] == 2


def test_a_break_even_holds_on_the_table(run: Run) -> None:
    """Just below the rate one is cheaper, just above it the other, as the command itself reckons them."""
    document = json.loads(run("compare", *BASE, "--cloud", "aws,gcp", "--json")[1])
    found = next(each for each in document["break_evens"] if each["a"].split("/")[0] != each["b"].split("/")[0])

    def difference(requests: float) -> float:
        again = json.loads(run("compare", "--requests", f"{requests:.0f}", *BASE[2:], "--cloud", "aws,gcp", "--json")[1])
        totals = {each["id"]: each["total_usd"] for each in again["options"]}
        return float(totals[found["a"]] - totals[found["b"]])

    assert difference(found["requests"] * 0.9) * difference(found["requests"] * 1.1) < 0


def test_the_budget_is_a_gate(run: Run) -> None:
    args = ["cost", *BASE, *LAMBDA, "--memory-mb", "1536"]
    assert run(*args, "--budget", "2.75")[0] == 0
    code, out, err = run(*args, "--budget", "2.70")
    assert code == 3
    assert "$2.74" in out
    assert "over the budget of $2.70 a month: aws costs $2.74" in err
    code, out, err = run(*args, "--budget", "2.70", "--json")
    document = json.loads(out)
    assert (code, err) == (3, "")
    assert document["error"]["exit_code"] == 3
    assert document["comparison"]["options"]


def test_an_unknown_cost_is_over_every_budget(run: Run) -> None:
    code, _, err = run("cost", "--requests", "5", "--duration-ms", "1e9", "--cloud", "aws", "--budget", "1000000")
    assert code == 3
    assert "aws is unknown (a request takes" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--requests", "0"], "at least 1"),
        ([*BASE, "--duration-ms", "nan"], "no number that can be reckoned with"),
        ([*BASE, "--slo-ms", "inf"], "no number that can be reckoned with"),
        ([*BASE, "--budget", "nan"], "no number that can be reckoned with"),
        (["--requests", "-1"], "no number of requests"),
        (["--duration-ms", "120"], "how many requests a month?"),
        (["--requests", "3M"], "how long does a request take?"),
        ([*BASE, "--region", "eu-wst-1"], "did you mean eu-west-1"),
        ([*BASE, "--product", "lambda"], "unknown product 'lambda'"),
        ([*BASE, "--commitment", "ten-years"], "unknown commitment 'ten-years'"),
        ([*BASE, "--cloud", "local"], "local has no prices"),
        ([*BASE, "--cloud", "nimbus"], "there is no provider 'nimbus'"),
        ([*BASE, "--cloud", "aws", "--memory-mb", "99999"], "99999"),
        ([*BASE, "--curve", "1,2,3"], "it has 3 numbers"),
        ([*BASE, "--curve", ",".join(["1"] * 5 + [""] + ["1"] * 18)], "there is a gap at 05:00"),
        ([*BASE, "--curve", ",".join(["1"] * 23 + ["-2"])], "negative"),
        ([*BASE, "--cpu-ms", "121"], "do not fit into a request of 120 ms"),
        ([*BASE, "--from-live"], "--from-live needs a spec and one cloud"),
        ([*BASE, "--apply"], "--apply writes the configuration of one cloud"),
        ([*BASE, "--apply", "--cloud", "aws"], "--apply needs a spec"),
    ],
)
def test_bad_input_is_named(run: Run, args: list[str], said: str) -> None:
    code, out, err = run("cost", *args)
    assert (code if "nimbus" not in args else code - 1, out) == (2, "")
    assert said in err


def test_absurd_magnitudes(run: Run) -> None:
    document = json.loads(run("compare", "--requests", "1e15", "--duration-ms", "120", "--json")[1])
    found = row(document, "lambda-x86_64")
    # 10^15 requests at $0.20 a million are 2 × 10^8 dollars, and the time comes on top.
    assert 2e8 < found["total_usd"] < 1e10
    assert all("too much traffic" in each["problem"] for each in document["options"] if each["product"] == "run-request")


def test_regions_and_commitments(run: Run) -> None:
    document = json.loads(run("compare", *BASE, "--region", "all", "--cloud", "gcp", "--json")[1])
    assert len({each["region"] for each in document["options"]}) > 30
    assert [each["total_usd"] for each in document["regions"]] == sorted(each["total_usd"] for each in document["regions"])
    args = ["cost", *BASE, "--cloud", "gcp", "--no-free-tier", "--json"]
    plain, committed = (json.loads(run(*args, *more)[1]) for more in ([], ["--commitment", "run-cud"]))
    a, b = (row(each, "run-request")["variable_usd"] for each in (plain, committed))
    assert abs(b / a - 0.83) < 0.001


def test_what_is_chosen_is_told_for_all_regions(run: Run) -> None:
    document = json.loads(run("cost", *BASE, *LAMBDA, "--region", "eu-west-1", "--json")[1])
    assert {each["region"] for each in document["options"]} == {"eu-west-1"}
    regions = {each["region"]: each for each in document["regions"]}
    assert len(regions) > 20
    there = json.loads(run("cost", *BASE, *LAMBDA, "--region", "eu-north-1", "--json")[1])
    assert regions["eu-north-1"]["total_usd"] == row(there, "lambda-x86_64")["total_usd"]
    assert regions["eu-north-1"]["carbon_g_per_1k"] < regions["eu-west-1"]["carbon_g_per_1k"]


def test_orders(run: Run) -> None:
    for order, key in (("carbon", "carbon_g_per_1k"), ("cost", "total_usd")):
        document = json.loads(run("compare", *BASE, "--region", "all", "--sort", order, "--json")[1])
        known = [each[key] for each in document["options"] if each[key] is not None and not each["problem"]]
        priced = [each for each in document["options"] if each["total_usd"] is not None and each[key] is not None]
        assert [each[key] for each in priced] == sorted(each[key] for each in priced)
        assert known


def test_a_measurement_picks_the_size(run: Run, spec: Path) -> None:
    """512 MB take 250 ms at the 95th percentile, 1,024 MB 150 ms, 1,769 MB 112.5 ms; what is faster costs more."""
    args = ["cost", *LAMBDA, "--no-free-tier", "--json"]
    cheapest = {
        slo: next(each for each in json.loads(run(*args, "--slo-ms", slo)[1])["options"] if each["is_cheapest"])
        for slo in ("300", "150", "149")
    }
    assert [each["memory_mb"] for each in cheapest.values()] == [512, 1024, 1769]
    assert all(each["is_measured"] for each in cheapest.values())
    document = json.loads(run(*args, "--slo-ms", "50")[1])
    assert not any(each["is_cheapest"] for each in document["options"])
    assert "none is within 50 ms: the fastest" in document["answer"]


def test_a_cloud_without_a_choice_says_why_beside_the_others(run: Run) -> None:
    _, out, _ = run("cost", "--requests", "300M", "--duration-ms", "120", "--cloud", "aws,gcp", "--json")
    document = json.loads(out)
    assert [each["cloud"] for each in document["options"] if each["is_cheapest"]] == ["aws"]
    assert document["assumptions"][0].startswith("gcp has no choice: too much traffic: of 114.2 requests a second")


def test_apply_writes_the_choice_and_nothing_else(run: Run, spec: Path) -> None:
    code, out, err = run("cost", *LAMBDA, "--no-free-tier", "--slo-ms", "150", "--apply")
    assert code == 0
    assert "resources.memory_mb not set → 1024" in err
    assert [line for line in SPEC.splitlines() if line not in spec.read_text().splitlines()] == []
    assert "  memory_mb: 1024\n" in spec.read_text()
    before = spec.read_text()
    assert "says so already" in run("cost", *LAMBDA, "--no-free-tier", "--slo-ms", "150", "--apply")[2]
    assert spec.read_text() == before
    assert "chosen" in out


def test_apply_writes_into_the_stage_that_decides(run: Run, spec: Path) -> None:
    code, _, err = run("cost", *LAMBDA, "--no-free-tier", "--slo-ms", "150", "--apply", "-e", "prod")
    assert code == 0
    assert "stages.prod.resources.memory_mb 2048 → 1024" in err
    assert "resources: {memory_mb: 1024" in spec.read_text()


def test_a_choice_that_another_cloud_of_the_spec_cannot_have_is_not_written(run: Run, spec: Path) -> None:
    spec.write_text(SPEC + "clouds:\n  gcp: {}\n")
    before = spec.read_text()
    code, _, err = run("cost", "--cloud", "aws", "--product", "lambda-arm64", "--slo-ms", "300", "--apply")
    assert code == 2
    assert "resources.architecture: arm64 is not one of" in err
    assert spec.read_text() == before


def test_what_cannot_be_applied_leaves_the_spec_alone(run: Run, spec: Path) -> None:
    code, _, err = run("cost", *LAMBDA, "--slo-ms", "5", "--apply")
    assert (code, "nothing can be applied" in err) == (2, True)
    assert spec.read_text() == SPEC


def test_a_damaged_measurement_is_named(run: Run, spec: Path, tmp_path: Path) -> None:
    (file,) = (tmp_path / "state" / "measurements").glob("*.json")
    file.write_text('{"version": 1}')
    code, _, err = run("cost", *LAMBDA)
    assert code == 2
    assert "this is no measurement" in err


def test_a_damaged_refreshed_book_is_passed_over(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "prices"
    folder.mkdir(parents=True)
    (folder / "aws.toml").write_text("version = ")
    code, out, err = run("cost", *BASE, *LAMBDA, "--memory-mb", "1536")
    assert code == 0
    assert "$2.74" in out
    assert "aws.toml: this is no price book" in err
    assert "mldeploy cost --refresh --cloud aws makes it anew" in err


class Log:
    """A stand-in for a deployment: it has answered, every ten seconds for two days, in 80 ms."""

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        start = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
        for number in range(2 * 8640):
            at = (start + datetime.timedelta(seconds=10 * number)).isoformat()
            yield json.dumps(
                {"event": "request", "ts": at, "status": 200, "ms_total": 80, "ms_infer": 70, "bytes_in": 500, "bytes_out": 90}
            )


def test_a_live_deployment_says_how_long_and_how_often(run: Run, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mldeploy import deploy

    monkeypatch.setattr(deploy, "driver", lambda *args: Log())
    code, out, err = run("cost", "--cloud", "aws", "--from-live", "--json", "-v")
    assert code == 0
    assert "17,280 requests" in err
    document = json.loads(out)
    assert document["workload"]["requests"] == pytest.approx(360 * 730, rel=1e-3)
    assert (document["workload"]["bytes_in"], document["workload"]["bytes_out"]) == (500, 90)
    assert row(document, "lambda-x86_64")["mean_ms"] == 80
    assert any("17,280 live requests" in each for each in document["assumptions"])
    again = json.loads(run("cost", "--cloud", "aws", "--from-live", "--requests", "9M", "--json")[1])
    assert again["workload"]["requests"] == 9_000_000
