"""The texts that `eject` writes. `@name@` is filled in."""

MAIN = '''"""Which program runs is in the stack's name: <cloud>.<stage>.registry, then <cloud>.<stage>.service."""

import json
from pathlib import Path

import pulumi

@imports@

HERE = Path(__file__).parent


def given(name):
    """What a program is given, as it was deployed; files that it names are taken from beside this one."""
    facts = json.loads((HERE / f"{name}.json").read_text())
    places = json.loads((HERE / "files.json").read_text())
    document = {
        key: str(HERE / places[value]) if isinstance(value, str) and value in places else value
        for key, value in facts["document"].items()
    }
    return facts, document


def run(part):
    facts, document = given(part)
    if part == "registry":
        @registry@(document)
        pulumi.export("document", json.dumps(facts["document"], sort_keys=True))
        pulumi.export("owner", facts["owner"])
    else:
        @service@(document)
        pulumi.export("applied", json.dumps(facts, sort_keys=True))


if __name__ == "__main__":
    run(pulumi.get_stack().rpartition(".")[2])
'''

README = """# @title@

A plain Pulumi program. mldeploy wrote it and is not needed any more; do not use both on the same stacks.

```sh
python3 -m venv venv && venv/bin/pip install -r requirements.txt && . venv/bin/activate
@passphrase@pulumi preview --stack @registry@     # no changes
pulumi preview --stack @service@      # no changes
```

`registry.json` and `service.json` say what is made; change them, then `pulumi up --stack …`, the registry first.
`pulumi destroy` goes the other way round: the service first.
@unbuilt@
@context@"""

ENCRYPTED = """export PULUMI_CONFIG_PASSPHRASE_FILE=…     # yours, or the key that mldeploy made: @key@
"""

IMAGE = """
## The image

`image/` has the Dockerfile and everything that goes in.

```sh
docker build -t REPOSITORY:TAG image && docker push REPOSITORY:TAG
```

Then put `REPOSITORY@sha256:DIGEST`, as the push prints it, into `service.json` under `document.image`, and a name of your own
for the release under `document.release`.
"""

SOURCE = """
## The source

`source/` is what the platform builds from; `files/` has it packed, as `service.json` names it. Change it, pack it anew, and
give `document.release` in `service.json` a new name.
"""

NOT_DEPLOYED = """
Nothing was deployed when this was written: `document.image` in `service.json` is still to be filled in.
"""
