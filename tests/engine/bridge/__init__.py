"""A provider plugin for tests: Pulumi's provider protocol in front, a real Terraform provider binary behind.

    Pulumi engine ─pulumirpc─▶ servicer ─tfplugin5─▶ terraform-provider-aws ─HTTP─▶ the AWS API at AWS_ENDPOINT_URL

The published pulumi-aws plugin is itself a bridge over that provider, so validation, defaults, diffs, replacement and the API
calls are those of the real provider, one major version behind. No resource type is known here but for a few renamed arguments.
"""
