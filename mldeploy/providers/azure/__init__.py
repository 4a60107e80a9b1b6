"""Provider `azure`: Azure Functions from a container image, on Container Apps (default) or on an Elastic Premium plan.

    spec ─settings, rules─▶ plan ─▶ Plan{recipe, document} ─▶ shared stack driver ─▶ program/ (Pulumi), cloud.py (ARM)

Nothing is imported here: the entry point in the image lies below this package and does without pydantic.
"""
