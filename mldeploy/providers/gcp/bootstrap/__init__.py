"""What deploying to Google Cloud from GitHub needs, once: a workload identity pool, the deployer with its roles, state and key.

document.py decides (pure), program.py declares.
"""
