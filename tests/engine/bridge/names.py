"""Names on both sides: Terraform's snake_case singulars, Pulumi's camelCase plurals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plugin.serving import RefusedError

# What the published bridge renames, of the types used here: Terraform type -> {Terraform argument: Pulumi argument}.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "aws_lambda_function": {"function_name": "name"},
    "aws_lambda_permission": {"function_name": "function"},
    "aws_cloudwatch_metric_alarm": {"alarm_name": "name"},
}

# Types whose name the published bridge spells another way.
SPELLED: Mapping[str, str] = {"aws:iam/openIdConnectProvider:OpenIdConnectProvider": "aws_iam_openid_connect_provider"}

# What pulumi-aws 7 has and the Terraform provider behind the bridge lacks: left out on the way, and so not tested here.
NEWER: Mapping[str, frozenset[str]] = {"aws_lambda_permission": frozenset({"invokedViaFunctionUrl"})}


def camel(name: str) -> str:
    """memory_size -> memorySize"""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def snake(name: str) -> str:
    """memorySize -> memory_size"""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name[0].lower() + name[1:])


def plural(name: str) -> str:
    """lambda_function -> lambda_functions"""
    if name.endswith("s"):
        return name
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + ("es" if re.search("(x|ch|sh)$", name) else "s")


def candidates(name: str, *, is_list: bool, is_single_block: bool) -> list[str]:
    """What Pulumi may call a Terraform argument; the first is the usual one."""
    if is_single_block and name.endswith("s") and not name.endswith("ss"):
        return [camel(name), camel(name[:-1])]
    return [camel(plural(name)), camel(name)] if is_list else [camel(name)]


def to_terraform(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the renames of `kind`, without what is newer than it."""
    values = {name: value for name, value in values.items() if name not in NEWER.get(kind, ())}
    table = {pulumi: camel(terraform) for terraform, pulumi in RENAMED.get(kind, {}).items()}
    return {table.get(name, name): value for name, value in values.items()}


def to_pulumi(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the renames of `kind`."""
    table = {camel(terraform): pulumi for terraform, pulumi in RENAMED.get(kind, {}).items()}
    return {table.get(name, name): value for name, value in values.items()}


def terraform_type(token: str, known: Mapping[str, Any], *, is_function: bool = False) -> str:
    """aws:lambda/function:Function -> aws_lambda_function. Raises RefusedError."""
    if token in SPELLED:
        return SPELLED[token]
    _, module, name = token.split(":")
    base = snake(re.sub("V2$", "", name))
    if is_function:
        base = base.removeprefix("get_")
    for kind in (f"aws_{module.split('/')[0]}_{base}", f"aws_{base}"):
        if kind in known:
            return kind
    raise RefusedError(f"no Terraform type for {token}")
