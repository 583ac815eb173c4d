"""The hub's own pages: static files, built from contracts and release records.

`build` reads top to bottom: `look` says what changed, `gather` reads its facts and hides what must not be shown, `documents` makes
JSON of them, `pages` makes files of those in every language, and `publish` puts them in the place of the former ones. `state` is
what one build leaves behind for the next.
"""
