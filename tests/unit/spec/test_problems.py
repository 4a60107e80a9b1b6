"""Every mistake a person makes in a spec: where it is said to be, what is wrong, and what to do instead."""

from __future__ import annotations

import pytest

HEAD = "version: 1\nname: digits\n"
MINIMAL = HEAD + "model:\n  path: model.onnx\n"
IMAGE = MINIMAL + "  preprocess:\n    kind: image\n"

# (spec, place, path, part of the message, part of the fix)
ONE_FAULT = [
    # keys
    (MINIMAL + "acess: key\n", "5:1", "acess", "did you mean 'access'?", "write access"),
    (MINIMAL + "memory_mb: 512\n", "5:1", "memory_mb", "unknown key here", "move it under resources:"),
    (MINIMAL + "zzzzzz: 512\n", "5:1", "zzzzzz", "unknown key", "the keys here are access, clouds"),
    (MINIMAL + "access: key\naccess: public\n", "6:1", "access", "is written twice; first on line 5", "delete one"),
    (HEAD + "model: {path: model.onnx, pth: x}\n", "3:27", "model.pth", "did you mean 'path'?", "write path"),
    (IMAGE + "    size: [2, 2]\n    colour: RGB\n", "8:5", "model.preprocess.colour", "did you mean 'color'?", "write color"),
    ("name: digits\nmodel: {path: model.onnx}\n", "1:1", "version", "is missing", "add `version: 1`"),
    ("version: 1\nname: digits\n", "1:1", "model", "is missing", "add `model:`"),
    (MINIMAL + "smoke:\n  - file: cat.jpg\n    tags: {}\n", "7:5", "smoke.0.tags", "unknown key", "the keys here are expect"),
    # scalars
    ("version: 2\nname: a\nmodel: {path: model.onnx}\n", "1:1", "version", "2 is not 1", "write 1"),
    ("version: true\nname: a\nmodel: {path: model.onnx}\n", "1:1", "version", "true is not a version", "version: 1"),
    ("version: 1\nname: Digits_1\nmodel: {path: model.onnx}\n", "2:1", "name", "'Digits_1' is not legal", "lower-case"),
    ("version: 1\nname: 12\nmodel: {path: model.onnx}\n", "2:1", "name", "expected text, found the number 12", 'quotes: "12"'),
    ("version: 1\nname:\nmodel: {path: model.onnx}\n", "2:1", "name", "expected text, found nothing", "write a value"),
    (
        MINIMAL + "resources: {memory_mb: 512MB}\n",
        "5:13",
        "resources.memory_mb",
        "found the text '512MB'",
        "write 512; the unit",
    ),
    (MINIMAL + "resources: {memory_mb: 2 GiB}\n", "5:13", "resources.memory_mb", "found the text '2 GiB'", "write 2048"),
    (MINIMAL + "resources: {memory_mb: 512.0}\n", "5:13", "resources.memory_mb", "found the number 512.0", "write 512"),
    (MINIMAL + "resources: {memory_mb: 0.5}\n", "5:13", "resources.memory_mb", "a whole number", "write a whole number"),
    (MINIMAL + "resources: {memory_mb: 5 bananas}\n", "5:13", "resources.memory_mb", "5 bananas", "the unit is in the key"),
    (MINIMAL + "resources: {concurrency: 5 x}\n", "5:13", "resources.concurrency", "'5 x'", "write the number alone"),
    (MINIMAL + "resources: {concurrency: many}\n", "5:13", "resources.concurrency", "'many'", "write digits only"),
    (MINIMAL + "resources: {memory_mb: 1_000}\n", "5:13", "resources.memory_mb", "found the text '1_000'", "write 1000"),
    (MINIMAL + "resources: {memory_mb: 010}\n", "5:13", "resources.memory_mb", "found the text '010'", "write 10"),
    (MINIMAL + "resources: {memory_mb: 9000000}\nsmoke: [{}]\n", "6:9", "smoke.0", "nothing to send", "add `inputs:`"),
    (MINIMAL + "resources: {memory_mb: 5000000KB}\n", "5:13", "resources.memory_mb", "5000000KB", "write the number alone"),
    (MINIMAL + "resources: {memory_mb: 5000GB}\n", "5:13", "resources.memory_mb", "5000GB", "write 5120000"),
    (MINIMAL + 'resources: {timeout_s: "30"}\n', "5:13", "resources.timeout_s", "found the text '30'", "write 30"),
    (MINIMAL + "resources: {timeout_s: 2m}\n", "5:13", "resources.timeout_s", "'2m'", "write 120"),
    (MINIMAL + "resources: {timeout_s: 12:30}\n", "5:13", "resources.timeout_s", "'12:30'", "such as 0.5"),
    (MINIMAL + "resources: {timeout_s: .inf}\n", "5:13", "resources.timeout_s", "found the text '.inf'", "such as 0.5"),
    (MINIMAL + "resources: {timeout_s: 0}\n", "5:13", "resources.timeout_s", "0 is not above 0", "above 0"),
    (MINIMAL + "resources: {memory_mb: 0}\n", "5:13", "resources.memory_mb", "0 is below the smallest value, 1", "1 or more"),
    (MINIMAL + "resources: {memory_mb: true}\n", "5:13", "resources.memory_mb", "found true", "write digits only"),
    (
        MINIMAL + "smoke: [{inputs: 1, status: 600}]\n",
        "5:21",
        "smoke.0.status",
        "600 is above the largest value",
        "599 or less",
    ),
    (MINIMAL + "access: publik\n", "5:1", "access", "'publik' is not one of private, key, public; did", "write public"),
    (MINIMAL + "access: 5\n", "5:1", "access", "5 is not one of private, key, public", "write one of"),
    (MINIMAL + "access: zzzzz\n", "5:1", "access", "'zzzzz' is not one of", "write one of private, key, public"),
    (
        MINIMAL + "  trust_pickle: yes\n",
        "5:3",
        "model.trust_pickle",
        "expected true or false, found the text 'yes'",
        "write true",
    ),
    (MINIMAL + '  trust_pickle: "false"\n', "5:3", "model.trust_pickle", "'false'", "write false without quotes"),
    (MINIMAL + "  trust_pickle: perhaps\n", "5:3", "model.trust_pickle", "'perhaps'", "write true or false"),
    (MINIMAL + "  trust_pickle: 1\n", "5:3", "model.trust_pickle", "found the number 1", "write true"),
    (MINIMAL + "env: {RELEASE: 1.10}\n", "5:7", "env.RELEASE", "expected text, found the number 1.10", '"1.10"'),
    (MINIMAL + "env: {DEBUG: true}\n", "5:7", "env.DEBUG", "expected text, found true", '"true"'),
    (MINIMAL + "env: {EMPTY: }\n", "5:7", "env.EMPTY", "expected text, found nothing", "write a value, or delete"),
    (MINIMAL + "env: {lower: x}\n", "5:7", "env.lower", "'lower' is not a legal name", "capital letters"),
    (MINIMAL + f"env: {{A: [{'x' * 3}]}}\n", "5:7", "env.A", "expected text, found a list", "write text"),
    # collections
    (MINIMAL + "smoke:\n  file: cat.jpg\n", "5:1", "smoke", "expected a list, found a map", "start each entry with '- '"),
    (MINIMAL + "smoke: cat.jpg\n", "5:1", "smoke", "expected a list, found the text 'cat.jpg'", "write [cat.jpg]"),
    (MINIMAL + "smoke: [cat.jpg]\n", "5:9", "smoke.0", "expected a map", "write its keys"),
    (MINIMAL + "resources: 512\n", "5:1", "resources", "expected a map", "write its keys"),
    (MINIMAL + "env: [A=b]\n", "5:1", "env", "expected a map (`key: value` lines), found a list", "write its keys"),
    (MINIMAL + "stages: {prod: 5}\n", "5:10", "stages.prod", "expected a map", "write its keys"),
    (MINIMAL + "stages: {Prod: {}}\n", "5:10", "stages.Prod", "'Prod' is not a legal name", "lower-case"),
    (MINIMAL + "stages: 5\n", "5:1", "stages", "expected a map", "write its keys"),
    (MINIMAL + "clouds: [toy]\n", "5:1", "clouds", "expected a map", "write its keys"),
    (MINIMAL + "clouds: {toy: 3}\n", "5:10", "clouds.toy", "expected a map", "write its keys"),
    (MINIMAL + "  labels: 3\n", "5:3", "model.labels", "expected text or a list, found the number 3", 'quotes: "3"'),
    (MINIMAL + "  labels: [a, 3]\n", "5:15", "model.labels.1", "expected text, found the number 3", 'quotes: "3"'),
    (MINIMAL + "  labels: []\n", "5:3", "model.labels", "is an empty list", "one name for each class"),
    # preprocess and postprocess
    (IMAGE + "    size: [2]\n", "7:5", "model.preprocess.size.1", "is missing", "add number 2"),
    (IMAGE + "    size: [2, 2, 3]\n", "7:5", "model.preprocess.size", "has 3 entries, and takes at most 2", "delete the rest"),
    (IMAGE + "    size: 224\n", "7:5", "model.preprocess.size", "expected a list, found the number 224", "write [224]"),
    (IMAGE + "    size: [0, 224]\n", "7:12", "model.preprocess.size.0", "0 is below", "1 or more"),
    (IMAGE, "5:3", "model.preprocess.size", "is missing", "height and width"),
    (IMAGE + "    size: [2, 2]\n    mean: [1, 2]\n", "8:5", "model.preprocess.mean", "2 values for 3 channel(s)", "write 3"),
    (IMAGE + "    size: [2, 2]\n    mean: none\n", "8:5", "model.preprocess.mean", "a number or a list", "write a number"),
    (
        IMAGE + "    size: [2, 2]\n    mean: [1, x, 3]\n",
        "8:15",
        "model.preprocess.mean.1",
        "expected a number",
        "write a number",
    ),
    (
        IMAGE + "    size: [2, 2]\n    color: L\n    std: [1, 2, 3]\n",
        "9:5",
        "model.preprocess.std",
        "3 values for 1",
        "write 1",
    ),
    (IMAGE + "    size: [2, 2]\n    std: 0\n", "8:5", "model.preprocess.std", "divides by 0", "leave it out for 1"),
    (
        IMAGE + "    size: [9, 8]\n    resize_to: 8\n",
        "8:5",
        "model.preprocess.resize_to",
        "8 px is smaller than the 9 px",
        "write 9",
    ),
    (
        IMAGE + "    size: [9, 8]\n    resize: fit\n    resize_to: 8\n",
        "9:5",
        "model.preprocess.resize_to",
        "for `resize",
        "delete",
    ),
    (
        MINIMAL + "  preprocess: {kind: imag}\n",
        "5:3",
        "model.preprocess",
        "kind: 'imag' is not one of none, image",
        "write image",
    ),
    (
        MINIMAL + "  preprocess: {kind: 3}\n",
        "5:3",
        "model.preprocess",
        "kind: 3 is not one of",
        "write one of none, image, tabular",
    ),
    (MINIMAL + "  preprocess: {size: [2, 2]}\n", "5:3", "model.preprocess", "has no `kind`", "one of none, image, tabular"),
    (MINIMAL + "  preprocess: image\n", "5:3", "model.preprocess", "expected a map", "write its keys"),
    (
        MINIMAL + "  preprocess: {kind: tabular, columns: [a, b, a]}\n",
        "5:47",
        "model.preprocess.columns.2",
        "named twice",
        "delete",
    ),
    (
        MINIMAL + "  preprocess: {kind: tabular, columns: [a, {name: a}]}\n",
        "5:44",
        "model.preprocess.columns.1",
        "twice",
        "delete",
    ),
    (
        MINIMAL + "  preprocess: {kind: tabular, columns: []}\n",
        "5:31",
        "model.preprocess.columns",
        "has 0 entries",
        "add what is",
    ),
    (
        MINIMAL + "  preprocess: {kind: tabular, columns: [3]}\n",
        "5:41",
        "model.preprocess.columns.0",
        "text or a map",
        'quotes: "3"',
    ),
    (
        MINIMAL + '  preprocess: {kind: tabular, columns: [""]}\n',
        "5:41",
        "model.preprocess.columns.0",
        "too short",
        "at least 1",
    ),
    (
        MINIMAL + "  labels: [a, b]\n  postprocess: {kind: top_k, k: 3}\n",
        "6:30",
        "model.postprocess.k",
        "3 best of 2 labels",
        "2 or",
    ),
    # the model
    (HEAD + "model: {}\n", "3:1", "model.path", "is missing", "add `path:`"),
    (HEAD + "model:\n", "3:1", "model", "expected a map", "write a value"),
    (HEAD + "model: {hook: hook.py}\n", "3:1", "model.format", "a hook alone is a python model", "add `format: python`"),
    (
        MINIMAL + "  convert: false\n",
        "5:3",
        "model.convert",
        "only a scikit-learn model is converted, and this one is onnx",
        "delete",
    ),
    (MINIMAL + "  inputs: []\n", "5:3", "model.inputs", "only a python model declares its signature", "delete it"),
    (
        HEAD + "model: {format: python, inputs: [{name: x, dtype: FP32, shape: [1]}],"
        " outputs: [{name: y, dtype: FP32, shape: [1]}]}\n",
        *("3:1", "model.hook", "is missing; a python model cannot be inspected", "the file with `load`"),
    ),
    (
        HEAD + "model: {format: python, hook: hook.py, inputs: [{name: x, dtype: FP32, shape: [-2]}], outputs: []}\n",
        *("3:80", "model.inputs.0.shape.0", "-2 is below the smallest value, -1", "-1 or more"),
    ),
    (
        HEAD + "model: {format: python, hook: hook.py, inputs: [{name: x, dtype: FP32, shape: []},"
        " {name: x, dtype: FP32, shape: []}], outputs: []}\n",
        *("3:85", "model.inputs.1.name", "tensor 'x' is named twice", "delete one"),
    ),
    (
        MINIMAL + "resources: {min_instances: 3, max_instances: 2}\n",
        "5:13",
        "resources.min_instances",
        "3 is more than",
        "lower it",
    ),
    (MINIMAL + "smoke: [{inputs: 1, file: cat.jpg}]\n", "5:9", "smoke.0", "has both", "delete one of the two"),
    # files
    (HEAD + "model: {path: modle.onnx}\n", "3:9", "model.path", "modle.onnx: no such file", "did you mean 'model.onnx'?"),
    (HEAD + "model: {path: nothing-like-it.onnx}\n", "3:9", "model.path", "no such file", "paths are relative to this file"),
    (HEAD + "model: {path: gone/model.onnx}\n", "3:9", "model.path", "no such file in", "does not exist either"),
    (HEAD + "model: {path: .}\n", "3:9", "model.path", ". is a folder", "name the file itself"),
    (HEAD + 'model: {path: ""}\n', "3:9", "model.path", "is empty", "name a file"),
    (
        HEAD + "model: {path: s3://bucket/model.onnx}\n",
        "3:9",
        "model.path",
        "is not a file on this machine",
        "download it first",
    ),
    (HEAD + "model: {path: ~/model.onnx}\n", "3:9", "model.path", "'~' is not expanded", "write the path relative"),
    (HEAD + 'model: {path: "a\\0b"}\n', "3:9", "model.path", "null byte", "relative to this file"),
    (HEAD + f"model: {{path: {'x' * 300}}}\n", "3:9", "model.path", "too long", "relative to this file"),
    (MINIMAL + "  labels: cats.jpg\n", "5:3", "model.labels", "cats.jpg: no such file", "did you mean 'cat.jpg'?"),
    (MINIMAL + "  labels: cats and dogs\n", "5:3", "model.labels", "no such file", "or a list: [cat, dog]"),
    (MINIMAL + "smoke: [{file: dog.jpg}]\n", "5:10", "smoke.0.file", "dog.jpg: no such file", ""),
    # env and secrets
    (
        MINIMAL + "env: {A: x}\nsecrets: {A: env:A}\n",
        "6:11",
        "secrets.A",
        "set under env as well (line 5)",
        "delete it from env",
    ),
    (MINIMAL + "env: {MLDEPLOY_STAGE: x}\n", "5:7", "env.MLDEPLOY_STAGE", "decided by another key", "the stage (-e)"),
    (
        MINIMAL + "env: {MLDEPLOY_QUEU: x}\n",
        "5:7",
        "env.MLDEPLOY_QUEU",
        "belong to the runtime",
        "did you mean 'MLDEPLOY_QUEUE'?",
    ),
    (
        MINIMAL + "secrets: {MLDEPLOY_SOMETHING_ELSE: }\n",
        "5:11",
        "secrets.MLDEPLOY_SOMETHING_ELSE",
        "belong to the runtime",
        "choose another name",
    ),
    (MINIMAL + "env: {K: ghp_0123456789abcdefABCDEF}\n", "5:7", "env.K", "looks like a secret", "secrets as K: env:K"),
    (MINIMAL + "secrets: {K: AKIAIOSFODNN7EXAMPLE}\n", "5:11", "secrets.K", "looks like the secret itself", "K: env:K"),
    (MINIMAL + "secrets: {K: env:sk-abc}\n", "5:11", "secrets.K", "looks like the secret itself", "K: env:K"),
    (
        MINIMAL + "secrets: {K: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}\n",
        "5:11",
        "secrets.K",
        "the secret itself",
        "K: env:K",
    ),
    (MINIMAL + "secrets: {K: 0123456789abcdef0123456789abcdef}\n", "5:11", "secrets.K", "the secret itself", "K: env:K"),
    (MINIMAL + "secrets: {K: correct horse battery}\n", "5:11", "secrets.K", "is no reference", "K: env:K"),
    (MINIMAL + "secrets: {K: env:two words}\n", "5:11", "secrets.K", "the name of one environment variable", "K: env:K"),
    (MINIMAL + 'secrets: {K: "file: "}\n', "5:11", "secrets.K", "file: is followed by a path", "file:PATH"),
    (MINIMAL + 'secrets: {K: ""}\n', "5:11", "secrets.K", "is empty", "K: env:K"),
    (MINIMAL + "secrets: {K: 12}\n", "5:11", "secrets.K", "expected text, found the number 12", 'quotes: "12"'),
    # clouds
    (
        MINIMAL + "clouds: {tyo: {}}\n",
        "5:10",
        "clouds.tyo",
        "unknown cloud; did you mean 'toy'?",
        "installed here are local, toy",
    ),
    (MINIMAL + "clouds: {mars: {}}\n", "5:10", "clouds.mars", "unknown cloud", "installed here are local, toy"),
    (MINIMAL + "clouds: {toy: {port: 0}}\n", "5:16", "clouds.toy.port", "0 is below the smallest value, 1", "1 or more"),
    (MINIMAL + "clouds: {toy: {regoin: x}}\n", "5:16", "clouds.toy.regoin", "did you mean 'region'?", "write region"),
    (MINIMAL + "clouds: {toy: {zone: A}}\n", "5:16", "clouds.toy.zone", "'A' is not legal here", "matches ^[a-z][0-9]$"),
    (
        MINIMAL + "clouds: {toy: {region: moon}}\n",
        "5:16",
        "clouds.toy.region",
        "is not valid: the moon has no region",
        "docs/spec",
    ),
    (MINIMAL + "clouds: {toy: {step: 65}}\n", "5:16", "clouds.toy.step", "65 is not a multiple of 64", "a multiple of 64"),
    # stages
    (MINIMAL + "stages:\n  prod:\n    name: x\n", "7:5", "stages.prod.name", "a stage cannot change name", "delete it"),
    (MINIMAL + "stages:\n  prod:\n    acess: key\n", "7:5", "stages.prod.acess", "did you mean 'access'?", "write access"),
    (
        MINIMAL + "stages:\n  prod:\n    resources: {memory_mb: 0}\n",
        *("7:17", "stages.prod.resources.memory_mb", "0 is below", "1 or more"),
    ),
    (
        MINIMAL + "stages:\n  prod:\n    clouds: {toy: {port: x}}\n",
        *("7:20", "stages.prod.clouds.toy.port", "expected a whole number", "write digits"),
    ),
    (MINIMAL + "stages:\n  prod:\n    model: {path: null}\n", "3:1", "model.path", "is missing (in stage prod)", "add `path:`"),
    (
        MINIMAL + "stages:\n  prod:\n    secrets: {K: }\n",
        "7:15",
        "stages.prod.secrets.K",
        "there is none to reset",
        "K: env:K",
    ),
    # syntax
    (HEAD + "model: a: b\n", "3:9", "", "a ':' where no key can stand", "in quotes"),
    (HEAD + "model: - a\n", "3:8", "", "a '- ' where no list can stand", "on a line of its own"),
    (HEAD + "model\n", "3:1", "", "neither `key: value` nor `- item`", "add the ':'"),
    (HEAD + "model: 'x\n", "3:8", "", "a quote that is opened and never closed", "close the quote"),
    (HEAD + 'model: "\\q"\n', "3:9", "", "a backslash that means nothing", "single quotes"),
    (HEAD + 'model: "\\ud800"\n', "3:11", "", "an escape that is no character", "single quotes"),
    (HEAD + "model: [1,\n", "3:1", "", "something that is no value", "close the '['"),
    (HEAD + "model: [1\n", "3:8", "", "a list that is opened with '['", "add the ']'"),
    (HEAD + "model: {a: 1\n", "3:8", "", "a map that is opened with '{'", "add the '}'"),
    ("- a\nversion: 1\n", "2:1", "", "not part of the list above it", "start it with '- '"),
    (HEAD + "model: 'it's'\n", "3:12", "", "something that belongs to no key", "check quotes"),
    (HEAD + "model: @x\n", "3:8", "", "text that starts with a reserved character", "put it in quotes"),
    ("%YAML 1.3\n---\nversion: 1\n", "1:1", "", "asks for another version of YAML", "delete the line"),
    ("%FOO\nversion: 1\n", "1:5", "", "a line that starts with '%'", "delete the line"),
    ("version: !e!x 1\n", "1:10", "", "a tag; a spec takes none", "delete it"),
    ("version: }\n", "1:10", "", "something that is no value", "in quotes"),
    ("version: 1\n... x\n", "2:5", "", "is not YAML: did not find expected <document start>", "fix the syntax here"),
]


@pytest.mark.parametrize(("text", "place", "path", "message", "fix"), ONE_FAULT)
def test_one_mistake_is_one_problem(faults, text: str, place: str, path: str, message: str, fix: str) -> None:
    problems = faults(text)
    assert [problem.path for problem in problems] == [path], problems
    [problem] = problems
    assert problem.where == f"mldeploy.yaml:{place}"
    assert message in problem.message
    assert fix in problem.fix


def test_all_problems_come_at_once_in_file_order(faults) -> None:
    problems = faults(
        "nme: x\nversion: 3\nmodel:\n  path: gone.onnx\nresources:\n  memory_mb: big\n  memory_mb: 5\n"
        "smoke: [{}]\nclouds: {mars: {}}\nstages: {prod: {resources: {timeout_s: -1}}}\n"
    )
    assert [problem.path for problem in problems] == [
        *("name", "nme", "version", "model.path", "resources.memory_mb", "resources.memory_mb", "smoke.0", "clouds.mars"),
        "stages.prod.resources.timeout_s",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_a_problem_of_the_base_is_told_once(faults) -> None:
    stages = "stages: {a: {}, b: {access: key}, c: {resources: {memory_mb: 1}}}\n"
    assert len(faults(MINIMAL + "acess: key\n" + stages)) == 1


def test_a_secret_is_never_repeated(faults) -> None:
    for section in ("env", "secrets"):
        [problem] = faults(MINIMAL + f"{section}: {{K: ghp_0123456789abcdefABCDEF}}\n")
        assert "ghp_" not in problem.message + problem.fix


def test_a_long_value_is_not_repeated_whole(faults) -> None:
    [problem] = faults(MINIMAL + f"access: {'x' * 500}\n")
    assert len(problem.message) < 150


@pytest.mark.parametrize(
    "reference",
    [
        *("env:DB_TOKEN", "file:token.txt", "my-secret", "arn:aws:secretsmanager:us-east-1:123456789012:secret:MyTest-a1b2c3"),
        "projects/My-Project-123456/secrets/DbPassword/versions/3",
        "https://vault.azure.net/secrets/name/0123456789abcdef0123456789abcdef",
        "thisisalongbutboringname",
    ],
)
def test_references_are_not_taken_for_secrets(load, reference: str) -> None:
    assert load(MINIMAL + f"secrets: {{K: '{reference}'}}\n").spec.secrets == {"K": reference}


def test_the_runtimes_own_key_is_a_secret_and_its_tuning_is_env(load) -> None:
    loaded = load(MINIMAL + "env: {MLDEPLOY_QUEUE: '4'}\nsecrets: {MLDEPLOY_API_KEY: env:KEY}\n")
    assert loaded.spec.env == {"MLDEPLOY_QUEUE": "4"}


def test_the_runtimes_names_are_all_known() -> None:
    import re

    from mldeploy.handlers import config
    from mldeploy.spec import secret_rules

    documented = set(re.findall(r"^\s*(MLDEPLOY_\w+)", config.__doc__ or "", re.MULTILINE))
    assert documented == set(secret_rules.DECIDED) | secret_rules.TUNING


def test_an_unreadable_file_is_told(faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    [problem] = faults(MINIMAL)
    assert problem.message == "model.onnx: no permission to read it"
