"""Pictures of the main pages, so that a change of how they look shows in review.

They are 300 pixels wide for a page of 1200: enough to see the layout, too little to see how letters are drawn, which differs from machine
to machine. After a change that is meant, `make test ARGS='tests/browser/test_site_snapshots.py --snapshot-update'` takes them anew.
"""

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.kinds import DATASET

pytestmark = pytest.mark.browser

SNAPSHOTS = Path(__file__).parent / "snapshots"
FONT = "DejaVu Sans"  # Debian's own; with another one lines break elsewhere
FEWER = 2  # pixels of a picture, to a side, that are compared as one
MOST_DIFFERENCE = 0.015  # on the average, of the range from black to white
DIFFERS = 0.15  # is a pixel that differs
MOST_PIXELS = 0.02  # may differ


@dataclass(frozen=True)
class Shot:
    """What a picture shows; settings are the reader's."""

    name: str
    path: str
    width: int = 1200
    height: int = 1800
    reader: dict[str, Any] = field(default_factory=dict[str, Any])


SHOTS = [
    Shot("start", "index.html"),
    Shot("dataset", DATASET, height=3200),
    Shot("status", "status.html"),
    Shot("dataset-dark", DATASET, reader={"color_scheme": "dark"}),
    Shot("dataset-telephone", DATASET, width=360, height=3000),
    Shot("start-japanese", "ja/index.html"),
]

COMPARE = """async ({pictures, fewer, differs}) => {
  const loaded = await Promise.all(pictures.map(async (png) => {
    const image = new Image();
    image.src = "data:image/png;base64," + png;
    await image.decode();
    return image;
  }));
  const width = Math.max(...loaded.map((image) => image.width)), height = Math.max(...loaded.map((image) => image.height));
  const [one, other] = loaded.map((image) => {
    const canvas = new OffscreenCanvas(Math.ceil(width / fewer), Math.ceil(height / fewer)).getContext("2d");
    canvas.imageSmoothingQuality = "high";
    canvas.drawImage(image, 0, 0, image.width / fewer, image.height / fewer);
    const {data} = canvas.getImageData(0, 0, canvas.canvas.width, canvas.canvas.height);
    return Array.from({length: data.length / 4}, (_, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255);
  });
  const differences = one.map((grey, i) => Math.abs(grey - other[i]));
  return {
    mean: differences.reduce((sum, each) => sum + each, 0) / differences.length,
    share: differences.filter((each) => each > differs).length / differences.length,
  };
}"""
IS_USUAL_FONT = """(name) => {
  const canvas = document.createElement("canvas").getContext("2d");
  const width = (font) => { canvas.font = "40px " + font; return canvas.measureText("Willingly").width; };
  const named = width(`"${name}", monospace`);
  return named === width("system-ui") && named !== width("monospace");
}"""


def shoot(open_page: Open, docs: Path, shot: Shot, before: str = "0") -> bytes:
    """The top of the page as a PNG, a quarter as large; `before` is done to the page in advance."""
    viewport = {"width": shot.width, "height": 900}
    page = open_page((docs / shot.path).as_uri(), viewport=viewport, device_scale_factor=0.25, **shot.reader)
    if not page.evaluate(IS_USUAL_FONT, FONT):
        missing = f"the usual font here is not {FONT} (Debian: sudo apt-get install fonts-dejavu-core)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    page.evaluate(before)
    clip: Any = {"x": 0, "y": 0, "width": shot.width, "height": shot.height}
    return page.screenshot(full_page=True, clip=clip, animations="disabled")


def looks_the_same(open_page: Open, one: bytes, other: bytes) -> bool:
    pictures = [base64.b64encode(each).decode() for each in (one, other)]
    found = open_page().evaluate(COMPARE, {"pictures": pictures, "fewer": FEWER, "differs": DIFFERS})
    return found["mean"] <= MOST_DIFFERENCE and found["share"] <= MOST_PIXELS


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_page_looks_as_it_did(
    shot: Shot, open_page: Open, docs: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    now, kept = shoot(open_page, docs, shot), SNAPSHOTS / f"{shot.name}.png"
    if pytestconfig.getoption("update_snapshots"):
        if not (kept.exists() and looks_the_same(open_page, now, kept.read_bytes())):
            kept.write_bytes(now)
        return
    seen = tmp_path / kept.name
    seen.write_bytes(now)

    assert looks_the_same(open_page, now, kept.read_bytes()), f"compare {seen} with {kept}"


@pytest.mark.parametrize(
    "broken",
    [
        "document.querySelectorAll('link[rel=stylesheet]').forEach((sheet) => sheet.remove())",
        "document.querySelector('link[rel=stylesheet][href*=\"/dataset.\"]').remove()",
        "document.querySelector('.tiles, .split').remove()",
    ],
    ids=["no-styles", "one-style-sheet-less", "a-part-less"],
)
def test_a_broken_layout_is_seen(broken: str, open_page: Open, docs: Path) -> None:
    kept = (SNAPSHOTS / f"{SHOTS[1].name}.png").read_bytes()

    assert not looks_the_same(open_page, kept, shoot(open_page, docs, SHOTS[1], broken))


def test_letters_that_are_drawn_heavier_are_not(open_page: Open, docs: Path) -> None:
    kept = (SNAPSHOTS / f"{SHOTS[1].name}.png").read_bytes()
    heavier = "document.body.style.webkitTextStroke = '0.2px'"

    assert looks_the_same(open_page, kept, shoot(open_page, docs, SHOTS[1], heavier))


def test_every_snapshot_is_compared() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {shot.name for shot in SHOTS}
