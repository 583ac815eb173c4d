"""The example hub's pages, made once, and a browser that must stay silent on them."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright

from tests.adapters.site_example import realistic

ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",
)

PATIENCE = 10_000  # milliseconds, for a machine with other work to do
expect.set_options(timeout=PATIENCE)

Open = Callable[..., Page]
Serve = Callable[[Path], str]


@pytest.fixture(scope="session")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example hub's pages in a folder."""
    return realistic(tmp_path_factory.mktemp("hub")).render(timezone="Asia/Tokyo")


@pytest.fixture(scope="module")  # its event loop must not meet the tests of other folders
def browser(chromium: Path) -> Iterator[Browser]:
    """Chromium, for all tests of a module."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens an address as a reader with these settings would, 1200 pixels wide unless told otherwise; None = an empty page.

    The pages must stay silent: no message, error or dialogue, nothing that fails to load, nothing asked of another host.
    """
    contexts: list[BrowserContext] = []
    noise: list[str] = []

    def refuse(dialog: Dialog) -> None:
        noise.append(dialog.message)
        dialog.dismiss()

    def listen(page: Page) -> None:
        page.on("console", lambda message: noise.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"{page.url}: {error}"))
        page.on("dialog", refuse)
        page.on("requestfailed", lambda request: noise.append(f"{page.url}: no {request.url}"))
        page.on("request", lambda request: noise.append(request.url) if is_foreign(request.url) else None)

    def opened(address: str | None = None, **reader: object) -> Page:
        settings = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"} | reader
        contexts.append(browser.new_context(**settings))  # pyright: ignore[reportArgumentType]
        contexts[-1].set_default_timeout(PATIENCE)
        contexts[-1].on("page", listen)
        page = contexts[-1].new_page()
        if address:
            page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not noise


def is_foreign(url: str) -> bool:
    """Whether it leads off this machine."""
    return not url.startswith(("file:", "data:", "about:", "http://127.0.0.1:"))


class Quiet(SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Serves a folder below a prefix, as a bucket or CloudFront would, and gives its address."""
    servers: list[tuple[ThreadingHTTPServer, Thread]] = []

    def served(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder.parent)))
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/{folder.name}"

    yield served
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def served(docs: Path, serve: Serve) -> str:
    """The example hub's pages over HTTP."""
    return serve(docs)
