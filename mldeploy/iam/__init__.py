"""What whoever deploys may do: the least policy for what a spec's programs declare.

    Plan ─recording─▶ resources ┐
                                ├─cloud.deployer─▶ Policy ─▶ `mldeploy iam`, `mldeploy ci bootstrap`
    table (kind → actions) ─────┘

The table is the cloud's own (`providers/<cloud>/iam.toml`); what is shared is how it is read and what comes of it.
"""
