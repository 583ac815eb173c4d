"""The engine of the templates: Jinja's, made quick for a site of thousands of pages whose values are documents.

Both changes below take away work that is the same on every page; what is rendered stays the same.
"""

from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from datahub_dagster.adapters.site.speech import Speech


class PageEnvironment(Environment):
    """Templates of one language.

    A text of ours that has no gaps is translated when its template is compiled. A name after a dot is first of all a key, if the
    value is a dictionary, so that no key is hidden by a method of `dict`.
    """

    def __init__(self, speech: Speech, **options: Any) -> None:
        super().__init__(**options)
        self._speech = speech

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The value of a key, else what Jinja finds."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Translated(self._speech).visit(super()._parse(source, name, filename))


class _Translated(NodeTransformer):
    """Puts the translation in the place of each `_("…")`."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # the visitor's way of naming
        self.generic_visit(node)
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(message))], kwargs=[]):
                # As Jinja does it at run time: ours is markup, and a percent sign in it is written twice.
                return nodes.Const(Markup(self._speech.gettext(message)) % {}, lineno=node.lineno)
            case _:
                return node
