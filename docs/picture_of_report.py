"""Takes the picture of a run's report that the README and the home page show.

    python docs/picture_of_report.py runs/glyphs/report.html

opens the report in Chromium, chooses an image in the middle of its map, leaves
out the sections between scores, map and searches, and writes
`docs/images/report.webp`. `requirements/set_up_browser` installs Chromium on
Debian and Ubuntu; CHROMIUM may name another one.
"""

import argparse
import io
import os
import pathlib
import shutil
import sys

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = pathlib.Path(__file__).parent / "images" / "report.webp"
MAX_BYTES = 150_000
WIDTH = 1080

# A low map, two searches and no hints, so that all of it fits on a screen.
STYLE = """
main { padding: 28px 24px 8px; }
main > section { margin-top: 24px; display: none; }
main > section:has(.scores), main > section.pictured { display: block; }
main > section > .hint, .wide ~ .hint { display: none; }
.canvas canvas { aspect-ratio: auto; height: 360px; }
.search:nth-of-type(n + 3) { display: none; }
.searches > .search:nth-of-type(2) { border-bottom: 0; }
"""
# The first map and the first searches: later ones are of DVML's variation.
CHOOSE_SECTIONS = """() => {
  const map = document.querySelector(".map").closest("section");
  const searches = [...document.querySelectorAll("section")].find(
    (section) => section.querySelector("h2")?.textContent === "Searches");
  for (const section of [map, searches]) section.classList.add("pictured");
}"""
# Where the map shows the image nearest to its middle, in the window.
MIDDLE = """() => {
  const canvas = document.querySelector(".map canvas");
  const { points } = JSON.parse(
    document.getElementById("data").textContent).map.layouts[0];
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  const middle = (all) => (Math.min(...all) + Math.max(...all)) / 2;
  const size = (all) => Math.max(...all) - Math.min(...all);
  const box = canvas.getBoundingClientRect();
  const scale = Math.min(
    (box.width - 56) / size(xs), (box.height - 56) / size(ys));
  const offsets = xs.map((x, i) => [
    (x - middle(xs)) * scale, (ys[i] - middle(ys)) * scale]);
  const [[x, y]] = offsets.sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
  return { x: box.x + box.width / 2 + x, y: box.y + box.height / 2 + y };
}"""


def main():
    """Writes the picture of the report that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=PICTURE)
    arguments = parser.parse_args()
    if not arguments.report.is_file():
        sys.exit(f"{arguments.report} is missing: `make demo` writes a report")
    picture = compress(photograph(arguments.report))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(picture)
    print(f"{arguments.output}, {len(picture):,} bytes")


def photograph(report):
    """Returns a report's scores, map and first searches as a PNG.

    Args:
        report: `pathlib.Path` of the HTML file.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )
    if path is None:
        sys.exit("Chromium is missing: see requirements/set_up_browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 1400}, color_scheme="light"
        )
        page.goto(report.resolve().as_uri())
        page.evaluate(CHOOSE_SECTIONS)
        page.add_style_tag(content=STYLE)
        page.evaluate("dispatchEvent(new Event('resize'))")
        page.locator(".map .pictures").first.check()
        middle = page.evaluate(MIDDLE)
        page.mouse.click(middle["x"], middle["y"])
        # The pointer would keep the card of what it points at open.
        page.mouse.move(0, 0)
        png = page.locator("main").screenshot()
        browser.close()
    return png


def compress(png):
    """Returns a picture as WebP of less than `MAX_BYTES`.

    Args:
        png: bytes. The picture.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(90, 20, -5):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() < MAX_BYTES:
            return buffer.getvalue()
    sys.exit(f"The picture cannot be made smaller than {MAX_BYTES:,} bytes")


if __name__ == "__main__":
    main()
