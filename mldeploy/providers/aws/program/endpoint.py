"""How callers reach the alias: a function URL, an HTTP API, or nothing but Lambda's own Invoke API.

access private   AWS_IAM: callers sign (SigV4) and need an identity policy; nothing is granted here
access key       open at the platform; the runtime itself asks for the key
access public    open
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from mldeploy.providers.aws.program import quiet
from mldeploy.providers.aws.program.function import ALIAS, Deployed


class Reached:
    """`url` for callers; `api_id` where there is an HTTP API."""

    def __init__(self, url: pulumi.Input[str], api_id: pulumi.Input[str] = "") -> None:
        self.url = url
        self.api_id = api_id


def declare(document: Mapping[str, Any], deployed: Deployed) -> Reached:
    """The endpoint that the document asks for."""
    kinds = {"url": _function_url, "http_api": _http_api, "none": _invoke_only}
    return kinds[document["endpoint"]](document, deployed)


def _invoke_only(document: Mapping[str, Any], deployed: Deployed) -> Reached:
    path = f"2015-03-31/functions/{document['names']['function']}/invocations?Qualifier={ALIAS}"
    return Reached(f"https://lambda.{document['region']}.{document['domain']}/{path}")


def _function_url(document: Mapping[str, Any], deployed: Deployed) -> Reached:
    is_open = document["access"] != "private"
    url = quiet.FunctionUrl(
        "url",
        function_name=deployed.function.name,
        qualifier=deployed.alias.name,
        authorization_type="NONE" if is_open else "AWS_IAM",
        invoke_mode="BUFFERED",
    )
    if is_open:
        # A URL made since October 2025 needs both; the second is bound to calls through the URL.
        # Source: docs.aws.amazon.com/lambda/latest/dg/urls-auth.html, read 2026-11-21.
        quiet.Permission(
            "url-open",
            action="lambda:InvokeFunctionUrl",
            function=deployed.function.name,
            qualifier=deployed.alias.name,
            principal="*",
            function_url_auth_type="NONE",
            statement_id="open-url",
        )
        quiet.Permission(
            "url-open-invoke",
            action="lambda:InvokeFunction",
            function=deployed.function.name,
            qualifier=deployed.alias.name,
            principal="*",
            invoked_via_function_url=True,
            statement_id="open-url-invoke",
        )
    return Reached(url.function_url)


def _http_api(document: Mapping[str, Any], deployed: Deployed) -> Reached:
    tags = document["tags"]
    api = aws.apigatewayv2.Api("api", name=document["names"]["api"], protocol_type="HTTP", tags=tags)
    integration = aws.apigatewayv2.Integration(
        "api-integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=deployed.alias.invoke_arn,
        payload_format_version="2.0",
        timeout_milliseconds=30_000,
    )
    aws.apigatewayv2.Route(
        "api-route",
        api_id=api.id,
        route_key="$default",
        authorization_type="AWS_IAM" if document["access"] == "private" else "NONE",
        target=integration.id.apply(lambda known: f"integrations/{known}"),
    )
    stage = aws.apigatewayv2.Stage("api-stage", api_id=api.id, name="$default", auto_deploy=True, tags=tags)
    quiet.Permission(
        "api-permission",
        action="lambda:InvokeFunction",
        function=deployed.function.name,
        qualifier=deployed.alias.name,
        principal="apigateway.amazonaws.com",
        source_arn=api.execution_arn.apply(lambda known: f"{known}/*/$default"),
        statement_id="http-api",
    )
    return Reached(stage.invoke_url, api.id)
