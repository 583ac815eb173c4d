"""The reference pages, written from the code: `python -m datahub_dagster.reference` (or `make docs`) writes docs/reference/*.md.

Everything that can be read from the code is. What only a person can say (when a fault occurs, what to do about it) stands here, and
tests look that nothing is missing.
"""
