"""Continuous deployment: the workflows that a repository needs, and what a pull request is told.

    spec, stages, clouds ─▶ Pipeline ─github─▶ files ─blocks─▶ files with the user's own lines kept
    JSON of preview and build ─report─▶ Markdown

All of it is pure; the command line reads and writes the files.
"""
