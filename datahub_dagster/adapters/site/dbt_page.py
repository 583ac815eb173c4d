"""dbt's own documentation page, with a way back to the hub's."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from datahub_dagster.errors import EngineError

_BACK_LINK = (
    b'<a href="../index.html" style="position:fixed;right:112px;bottom:28px;z-index:9999;padding:8px 14px;border-radius:8px;'
    b'background:#26324a;color:#fff;font:600 14px/1.3 system-ui,sans-serif;text-decoration:none">&larr; Data hub</a>'
)


def dbt_page(render: Callable[[Path], None]) -> bytes:
    """The page that `render` writes into an empty folder, `index.html` or `static_index.html`.

    Raises:
        EngineError: dbt could not make it.
    """
    with TemporaryDirectory(prefix="datahub-dbt-docs-") as name:
        folder = Path(name)
        render(folder)
        return _with_back_link(_first_file(folder / "static_index.html", folder / "index.html"))


def _first_file(*paths: Path) -> bytes:
    for path in paths:
        if path.is_file():
            return path.read_bytes()
    raise EngineError(
        "dbt made no docs page",
        subject="docs",
        found=_names(paths[0].parent.iterdir()),
        next_step="datahub docs build, and read what dbt says; the former page stays",
    )


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(sorted(path.name for path in paths)) or "an empty folder"


def _with_back_link(page: bytes) -> bytes:
    head, end, tail = page.rpartition(b"</body>")
    return head + _BACK_LINK + end + tail if end else page + _BACK_LINK
