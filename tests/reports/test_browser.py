"""The report in a real browser: it opens, answers clicks, fetches nothing."""

import time

import numpy as np
import pytest

from keras_dvml.reports import (
    Search,
    SearchResult,
    map_data,
    search_variation,
    write_report,
)

SIZES = {"desk": (1200, 900), "phone": (400, 800)}
SCORES = {
    "untrained": {"recall@1": 0.21, "recall@2": 0.3, "map@r": 0.07},
    "dvml": {"recall@1": 0.61, "recall@2": 0.72, "map@r": 0.29},
}
INTERVALS = {
    "untrained": {"recall@1": (0.18, 0.24), "map@r": (0.05, 0.09)},
    "dvml": {"recall@1": (0.55, 0.66), "recall@2": (0.68, 0.77)},
}
HISTORIES = {"dvml": {"loss": [4.0, 2.0, 1.0], "prior_loss": [0.3, 0.2, 0.1]}}
# Where the page draws an image, from the data that the page itself has.
PLACE = """([root, layout, i]) => {
  const canvas = document.querySelectorAll(".map canvas")[root];
  canvas.scrollIntoView({ block: "center" });
  const { points } = JSON.parse(
    document.getElementById("data").textContent).map.layouts[layout];
  const xs = points.filter((_, j) => j % 2 === 0);
  const ys = points.filter((_, j) => j % 2 === 1);
  const { clientWidth: width, clientHeight: height } = canvas;
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(
    (width - 56) / (right - left), (height - 56) / (bottom - top));
  return {
    x: width / 2 + (xs[i] - (left + right) / 2) * scale,
    y: height / 2 + (ys[i] - (top + bottom) / 2) * scale,
  };
}"""
MIDDLE = """(canvas) => [...canvas.getContext("2d").getImageData(
  canvas.width / 2, canvas.height / 2, 1, 1).data.slice(0, 3)]"""


@pytest.fixture(scope="module")
def images(make_images):
    return make_images()


@pytest.fixture(scope="module")
def report(images, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write(path, images[0])


def write(path, shown):
    found = [
        SearchResult(shown.image_bytes[i], shown.label_names[i], 0.9, i < 7)
        for i in range(9)
    ]
    draws = shown.embeddings[20] + np.random.default_rng(0).normal(
        size=(64, shown.embeddings.shape[1])
    )
    return write_report(
        path,
        title="Birds",
        scores=SCORES,
        intervals=INTERVALS,
        histories=HISTORIES,
        embedding_map=shown,
        searches=[Search(shown.image_bytes[9], "class 0", found)] * 4,
        variations=[search_variation(shown, 20, draws)],
        notes={"Images": "squares"},
        quarantined=[("a/" + "long_name_" * 12 + ".jpg", "truncated")],
    )


@pytest.fixture
def open_report(browser, report):
    """Opens the report; afterwards nothing may have gone wrong or out."""
    contexts, troubles = [], []

    def note_request(request):
        if request.url != report.as_uri() and not request.url.startswith(
            "data:"
        ):
            troubles.append(f"request to {request.url}")

    def open_page(size="desk", scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            has_touch=size == "phone",
            is_mobile=size == "phone",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", note_request)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text))
        page.goto(report.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def nearest_rows(vectors, row):
    """The 8 rows of highest cosine similarity, and these, the naive way."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarities = vectors @ vectors[row]
    order = [i for i in np.argsort(-similarities) if i != row][:8]
    return order, similarities[order]


def shown_neighbors(aside):
    items = aside.locator("li")
    return list(
        zip(
            items.locator(".name").all_inner_texts(),
            items.locator(".score").all_inner_texts(),
            strict=True,
        )
    )


def expected_neighbors(shown, vectors, row):
    return [
        (shown.label_names[i], f"{similarity:.3f}")
        for i, similarity in zip(*nearest_rows(vectors, row), strict=True)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_page_fits_the_screen(open_report, tmp_path, size, scheme):
    page = open_report(size, scheme)
    page.screenshot(path=tmp_path / f"{size}-{scheme}.png", full_page=True)
    assert (
        page.evaluate("document.documentElement.scrollWidth")
        == (SIZES[size][0])
    )
    # Nothing but the table may be wider than its place, and that scrolls.
    assert (
        page.evaluate("""
      [...document.querySelectorAll("main > *, section > *")].filter(
        (one) => one.scrollWidth > one.clientWidth + 1).length""")
        == 0
    )
    background = page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )
    brightness = int(background.split("(")[1].split(",")[0])
    assert (brightness < 60) == (scheme == "dark")


def test_headings_come_in_order(open_report):
    assert open_report().locator("h2").all_inner_texts() == [
        "Scores on unseen classes",
        "Training",
        "Embedding map",
        "Central latent space",
        "Variation around an image",
        "Searches",
        "Hardest classes",
        "Most confused classes",
        "Files left out",
        "Notes",
    ]


def test_pointing_at_the_map_shows_the_picture(open_report, images):
    shown, colors = images
    page = open_report()
    canvas = page.locator(".map canvas").first
    canvas.hover(position=page.evaluate(PLACE, [0, 0, 33]))
    card = page.locator(".card").first
    assert card.inner_text() == shown.label_names[33]
    picture = card.locator("canvas").evaluate(MIDDLE)
    np.testing.assert_allclose(picture, colors[33], atol=8)
    page.mouse.move(5, 5)
    assert card.is_hidden()


def test_clicking_the_map_shows_the_neighbors(open_report, images, tmp_path):
    shown, colors = images
    page = open_report()
    canvas = page.locator(".map > .plot canvas").first
    canvas.click(position=page.evaluate(PLACE, [0, 0, 33]))
    aside = page.locator("aside").first
    page.screenshot(path=tmp_path / "clicked.png")
    assert aside.locator("h3").inner_text() == shown.label_names[33]
    assert shown_neighbors(aside) == expected_neighbors(
        shown, shown.embeddings, 33
    )
    rows, _ = nearest_rows(shown.embeddings, 33)
    for tile, row in zip(aside.locator("li canvas").all(), rows, strict=True):
        np.testing.assert_allclose(tile.evaluate(MIDDLE), colors[row], atol=8)
    hits = sum(shown.labels[row] == shown.labels[33] for row in rows)
    assert aside.locator("li.hit").count() == hits
    page.keyboard.press("Escape")
    assert "Click or tap" in aside.inner_text()


def test_tapping_works_on_a_phone(open_report, images):
    shown, _ = images
    page = open_report("phone")
    canvas = page.locator(".map > .plot canvas").first
    canvas.tap(position=page.evaluate(PLACE, [0, 0, 12]))
    assert shown_neighbors(page.locator("aside").first) == expected_neighbors(
        shown, shown.embeddings, 12
    )


def test_central_latent_space_has_neighbors_of_its_own(open_report, images):
    shown, _ = images
    page = open_report()
    canvas = page.locator(".map > .plot canvas").last
    canvas.click(position=page.evaluate(PLACE, [1, 1, 7]))
    aside = page.locator("aside").last
    centred = shown.embeddings.reshape(6, 10, -1)
    centred = (centred - centred.mean(axis=1, keepdims=True)).reshape(60, -1)
    assert shown_neighbors(aside) == expected_neighbors(shown, centred, 7)
    # Another class is no mistake there.
    assert aside.locator(".hit, .miss").count() == 0


def test_arrow_keys_step_through_the_images(open_report, images):
    shown, _ = images
    page = open_report()
    page.locator(".map > .plot canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert shown_neighbors(page.locator("aside").first) == expected_neighbors(
        shown, shown.embeddings, 1
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda plot: plot.locator(".group").select_option(label="class 3"),
        lambda plot: plot.locator(".pictures").check(),
        lambda plot: plot.locator(".in").click(),
    ],
    ids=["class", "pictures", "zoom"],
)
def test_tools_change_the_map(open_report, change):
    plot = open_report().locator(".plot").first
    pixels = "(one) => one.querySelector('canvas').toDataURL()"
    before = plot.evaluate(pixels)
    change(plot)
    assert plot.evaluate(pixels) != before


def test_pointing_at_a_curve_reads_the_epoch(open_report):
    page = open_report()
    figure = page.locator(".curve").first
    assert "epoch 3" in figure.inner_text()
    figure.locator("svg").hover()
    # The middle of epochs 1 to 3, where the loss is 2.
    assert figure.locator(".when").inner_text() == "epoch 2"
    assert figure.locator("b").inner_text() == "2"


@pytest.mark.slow
def test_report_of_5000_images_is_small_and_opens_quickly(
    browser, make_images, tmp_path, monkeypatch
):
    # Where dots lie costs the page nothing: t-SNE may be spared here. Noise
    # makes the pictures as large as they get.
    monkeypatch.setattr(
        map_data,
        "project_together",
        lambda spaces, seed: np.random.default_rng(seed).normal(
            size=(len(spaces), len(spaces[0]), 2)
        ),
    )
    shown, _ = make_images(125, 40, size=48, noise=50)
    path = write(tmp_path / "report.html", shown)
    assert path.stat().st_size < 15e6
    # Other work may share the machine: one of ten openings shows what the
    # page itself takes.
    assert any(opening_time(browser, path) < 2.0 for _ in range(10))


def opening_time(browser, path):
    """Seconds until all is loaded and two frames have been drawn since."""
    page = browser.new_page()
    start = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate("""() => new Promise((done) => requestAnimationFrame(
      () => requestAnimationFrame(done)))""")
    seconds = time.perf_counter() - start
    assert page.evaluate("document.getElementById('sheet').naturalWidth") > 3000
    page.close()
    return seconds
