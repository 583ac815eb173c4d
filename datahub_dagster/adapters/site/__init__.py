"""The hub's own pages: static files, built from contracts and release records.

`facts` gathers what is shown and hides what must not be, `pages` turns it into HTML with the templates, `as_json` into JSON,
and `render` writes the files.
"""
