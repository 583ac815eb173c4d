"""What the pages say, as documents: values of JSON, which lie beside each page and which its template shows, nothing else.

A template reads a document and a language, so that the same document gives the same bytes, and that whoever reads the JSON knows
all that a person knows. `schema` says what is in each; one module per kind makes it from facts.
"""

from datahub_dagster.adapters.site.documents.encoding import encode

__all__ = ["encode"]
