"""The actions that the workflows use besides the clouds' own, each pinned to a full commit. All of them run on Node 24."""

from __future__ import annotations

from mldeploy.ci.contract import Action

ACTIONS = {
    action.name: action
    for action in (
        Action("actions/checkout", "de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2"),
        Action("actions/cache", "9255dc7a253b0ccc959486e2bca901246202afeb", "v5.0.1"),
        Action("actions/upload-artifact", "b7c566a772e6b6bfb58ed0dc250532a479d7789f", "v6.0.0"),
        Action("actions/download-artifact", "37930b1c2abaa49bbe596cd826c3c89aef350131", "v7.0.0"),
    )
}
