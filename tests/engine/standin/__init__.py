"""STAND-INS for two clouds that have no provider plugin and no emulator outside their vendors' networks.

    Pulumi engine ─pulumirpc─▶ servicer ─HTTP─▶ control plane ◀─HTTP─ mldeploy's own clients (tokens, logs, secrets, residue)
                               checks each body against             runs what is deployed: the pushed image, in Docker
                               the provider's published types

The control plane is a process of its own, so that what exists outlives a killed plugin and can be changed by hand. Stood in:
storage, identities, routing, waits. Real: the engine, the programs, the driver, the images, the published types.
"""
