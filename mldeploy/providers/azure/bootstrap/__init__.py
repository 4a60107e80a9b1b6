"""What deploying to Azure from GitHub needs, once: an identity with federated credentials, its role, state and key.

document.py decides (pure), program.py declares.
"""
