"""The audit by axe-core (WCAG 2.2 AA and its best practices): every kind of page, in both languages, light and dark.

Colours are the same in both languages, all else is the same in light and dark: each is asked once.
"""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.browser.kinds import KINDS

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # that depend on the scheme; no others do

# Contrast of texts in pictures, which axe leaves open: each against the page's or the section's ground below the picture.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
  };
  const ground = (element) => {
    if (!element) return [255, 255, 255, 255];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 255 ? own : ground(element.parentElement);
  };
  const under = (text) => {
    const box = text.closest("g")?.querySelector("rect");
    return box && rgba(getComputedStyle(box).fill)[3] === 255 ? rgba(getComputedStyle(box).fill) : ground(text);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  return Array.from(document.querySelectorAll("svg text"), (text) => {
    const [a, b] = [light(rgba(getComputedStyle(text).fill)), light(under(text))].sort((x, y) => y - x);
    return [text.textContent, (a + 0.05) / (b + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
}"""


def audit(page: Page, rules: list[str], without: list[str] | None = None) -> list[str]:
    """What is wrong by these rules, or groups of rules, a line each."""
    options: dict[str, Any] = {
        "runOnly": rules,
        "rules": {rule: {"enabled": False} for rule in without or []},
        "resultTypes": ["violations"],
        "preload": False,  # it would fetch the style sheets, which the policy refuses
    }
    found = page.evaluate("options => axe.run(options).then((results) => results.violations)", options)
    return [
        f"{violation['id']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]


def audited(open_page: Open, address: str) -> Page:
    """A page that is ready for the audit, with all that is folded in sight."""
    page = open_page(address)
    page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
    page.evaluate(AXE_SCRIPT)
    return page


@pytest.mark.parametrize("path", list(KINDS.values()), ids=list(KINDS))
def test_pages_of_every_kind_are_accessible(path: str, open_page: Open, docs: Path) -> None:
    english = audited(open_page, (docs / path).as_uri())
    assert audit(english, RULES) == []
    assert english.evaluate(LOW_CONTRAST) == []
    english.emulate_media(color_scheme="dark")
    assert audit(english, COLOURS) == []
    assert english.evaluate(LOW_CONTRAST) == []

    japanese = audited(open_page, (docs / "ja" / path).as_uri())
    assert audit(japanese, RULES, without=COLOURS) == []


def test_results_of_a_search_are_accessible(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "index.html").as_uri())
    page.get_by_role("searchbox").fill("da")
    page.wait_for_selector(".result mark")

    page.evaluate(AXE_SCRIPT)

    assert audit(page, RULES) == []


def test_the_audit_finds_what_is_wrong(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "index.html").as_uri())
    page.evaluate("""() => {
      document.querySelector("h1").outerHTML = "<p><img src='data:,'> <input></p>";
      document.querySelector(".tiles dt").style.color = "#cccccc";
    }""")

    page.evaluate(AXE_SCRIPT)

    found = {line.split(":")[0] for line in audit(page, RULES)}
    assert found >= {"image-alt", "label", "color-contrast", "page-has-heading-one"}
