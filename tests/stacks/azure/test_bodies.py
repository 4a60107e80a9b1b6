"""Each REST body against the models that Azure publishes (azure-mgmt-*)."""

from __future__ import annotations

import azure_programs as ap
import pytest
import rest_form
from azure_runs import run

MISSING = [line for line in rest_form.unchecked() if "pip install" in line]


@pytest.mark.parametrize("name", ap.SPECS)
def test_every_body_is_as_azure_publishes_it(name: str) -> None:
    done = run(name)
    for each in (*done.resources, *done.beside.resources):
        assert rest_form.problems(each.kind, each.inputs) == []


def test_the_check_covers_every_type_that_the_programs_use() -> None:
    used = {each.kind.removeprefix("azure-native:") for name in ap.SPECS for each in run(name).resources}
    assert used == set(rest_form.FORMS)
    assert [line for line in rest_form.unchecked() if "no published model" in line] == [
        "monitor:DiagnosticSetting: no published model"
    ]
    if MISSING:
        pytest.skip("; ".join(MISSING))


def test_the_check_finds_mistakes() -> None:
    (planned,) = run("plain").of("app:ContainerApp")
    inputs = {**planned.inputs, "surely": 1}
    inputs["configuration"] = {**inputs["configuration"], "activeRevisionsMode": "Multipl", "ingres": {}}
    found = rest_form.problems(planned.kind, inputs)
    assert [problem.partition(":")[0] for problem in found] == [
        "ContainerApp.properties.configuration.activeRevisionsMode",
        "ContainerApp.properties.configuration.ingres",
        "ContainerApp.properties.surely",
    ]


@pytest.mark.skipif(bool(MISSING), reason="; ".join(MISSING))
def test_the_check_finds_mistakes_in_models_of_the_older_kind() -> None:
    (planned, *_) = run("everything").of("monitor:MetricAlert")
    inputs = {**planned.inputs, "windowSiz": "PT5M", "scopes": "not-a-list"}
    inputs["criteria"] = {**inputs["criteria"], "allOf": [{**inputs["criteria"]["allOf"][0], "metrik": "Requests"}]}
    found = rest_form.problems(planned.kind, inputs)
    assert {problem.partition(":")[0].rpartition(".")[2] for problem in found} == {"windowSiz", "scopes", "metrik"}
