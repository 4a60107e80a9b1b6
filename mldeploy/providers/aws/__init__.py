"""Provider `aws`: the model in a container image, run by AWS Lambda. Docs: docs/aws.md.

    spec ─plan─▶ Plan{recipe, document} ─▶ stacks.driver ─▶ cloud.AwsCloud ─▶ program/ (Pulumi), botocore
                                                            entry/ ships in the image

Nothing is imported here, so that neither an SDK nor pydantic is paid for by who only looks at the name.
"""
