"""`mldeploy schema`: the JSON Schema that editors check mldeploy.yaml against."""

from __future__ import annotations

from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb("schema")
def command(session: Session) -> None:
    """Print the JSON Schema of mldeploy.yaml.

    It includes the settings of every provider installed here. Point an editor at it with this first line of the spec:

    \b
      # yaml-language-server: $schema=./mldeploy.schema.json
    """
    from mldeploy import spec
    from mldeploy.providers import registry

    session.document(spec.json_schema(registry.settings_models()))
