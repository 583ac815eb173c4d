"""How long a reader waits for an answer of a search, in Chromium, from the key to the painted result."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from playwright.sync_api import Page, sync_playwright

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--allow-file-access-from-files",
)

# Puts a query into the field, and waits until what was looked for is painted as the first result.
_ASK = """async ([field, result, query, wanted]) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const input = document.querySelector(field);
  const begun = performance.now();
  input.focus();
  input.value = query;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  while (performance.now() - begun < 15000) {
    const first = Array.from(document.querySelectorAll(result)).find((each) => each.offsetParent);
    if (first && first.textContent.replaceAll(/\\s+/g, "").startsWith(wanted)) {
      await frame();
      return performance.now() - begun;
    }
    await frame();
  }
  return null;
}"""


def search(
    page: Path, *, field: str, result: str, queries: Sequence[tuple[str, str]]
) -> Mapping[str, float | None]:
    """Seconds that a page took to open, to answer first, and to answer then (the median); None = no answer came.

    Args:
        page: Opened from the disk.
        field: Selector of the field to type into.
        result: Selector of results.
        queries: What is typed, and with what the first result is to begin, without blanks.
    """
    with _opened(page, field) as (shown, seconds):
        took = [shown.evaluate(_ASK, [field, result, *query]) for query in queries]
    answered = [value for value in took[1:] if value is not None]
    return {
        "opened_s": seconds,
        "first_s": round(took[0] / 1000, 3) if took[0] is not None else None,
        "then_s": round(median(answered) / 1000, 3) if answered else None,
    }


def opened(page: Path, *, field: str) -> float:
    """Seconds that a page took to open, its field for searches included."""
    with _opened(page, field) as (_, seconds):
        return seconds


@contextmanager
def _opened(page: Path, field: str) -> Iterator[tuple[Page, float]]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        shown = browser.new_page()
        begun = perf_counter()
        shown.goto(page.as_uri(), wait_until="load", timeout=120_000)
        shown.wait_for_selector(field, timeout=120_000)
        yield shown, round(perf_counter() - begun, 2)
        browser.close()
