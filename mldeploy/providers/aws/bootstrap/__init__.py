"""What deploying to AWS from GitHub needs, once: the trust in GitHub's tokens, the deployer's role, the state's bucket and key.

document.py decides (pure), program.py declares.
"""
