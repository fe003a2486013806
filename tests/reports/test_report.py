import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.reports import (
    EmbeddingMap,
    Search,
    SearchResult,
    write_report,
)

HOSTILE = "</script><script>alert('x')</script>{{ notes }}&\"<b>.png"
SCORES = {
    "untrained": {"recall@1": 0.214, "map@r": 0.071, "nmi": 0.5},
    "triplet": {"recall@1": 0.5187, "map@r": 0.22, "nmi": 0.66},
    "dvml": {"recall@1": 0.6093, "map@r": 0.295, "nmi": 0.65},
}
HISTORIES = {
    "triplet": {"loss": [0.9, 0.5, 0.25]},
    "dvml": {
        "loss": [90.0, 1.5, 0.75],
        "prior_loss": [0.3, float("nan"), 0.1],
        "val_recall@1": [None, 0.4, 0.6],
    },
}


def png(value=0, size=20):
    image = np.full((size, size, 3), value, np.uint8)
    return tf.io.encode_png(image).numpy()


def small_map(num_images=12, label_name="wren"):
    rng = np.random.default_rng(0)
    return EmbeddingMap(
        rng.normal(size=(num_images, 5)),
        np.arange(num_images) % 3,
        [label_name] * num_images,
        [png(i) for i in range(num_images)],
    )


def write(path, **changes):
    arguments = {"title": "Birds", "scores": SCORES, "histories": HISTORIES}
    return write_report(path / "report.html", **{**arguments, **changes})


def page(path, **changes):
    return write(path, **changes).read_text(encoding="utf-8")


def full_page(path, text):
    found = [
        SearchResult(png(1), text, 0.912, True),
        SearchResult(png(2), text, 0.834, False),
    ]
    return page(
        path,
        title=text,
        scores={text: {text: 0.5}},
        histories={text: {text: [1.0, 0.5]}},
        embedding_map=small_map(label_name=text),
        searches=[Search(png(), text, found)],
        notes={text: text},
        quarantined=[(text, text)],
    )


def test_scores_appear_in_percent(tmp_path):
    text = page(tmp_path)
    for value in ("21.4", "51.9", "60.9", "29.5"):
        assert f"<span>{value}</span>" in text


def test_row_that_was_published_is_in_bold(tmp_path):
    text = page(tmp_path, published="triplet")
    (bold,) = re.findall('<tr class="published">(.*?)</tr>', text)
    assert re.findall(r"<span>([\d.]+)<", bold) == ["51.9", "22.0", "66.0"]
    assert "what was published" not in page(tmp_path)


def test_row_that_is_not_there_cannot_be_published(tmp_path):
    with pytest.raises(ValueError, match="one of untrained.*'proxies'"):
        page(tmp_path, published="proxies")


def test_intervals_stand_below_their_scores(tmp_path):
    intervals = {"dvml": {"recall@1": (0.5512, 0.6634), "nmi": (0.6, 0.7)}}
    text = page(tmp_path, intervals=intervals, histories={})
    assert (
        "<span>60.9</span><small>55.1\u2013<wbr>66.3</small>" in text
        and "<span>65.0</span><small>60.0\u2013<wbr>70.0</small>" in text
    )
    assert text.count("<small>") == 2
    assert "95% interval over the choice of what is tested" in text
    assert "(Recall@1, 95% interval 55.1 to 66.3)" in text


def test_without_intervals_nothing_speaks_of_them(tmp_path):
    assert "interval" not in page(tmp_path).split("</style>")[1]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ({"dvml": {"mrr": (0.1, 0.2)}}, "must be of one of the scores"),
        ({"birds": {"nmi": (0.1, 0.2)}}, "must be of one of the scores"),
        ({"dvml": {"nmi": (0.7, 0.6)}}, r"within 0..1; received \(0.7, 0.6"),
        ({"dvml": {"nmi": (60.0, 70.0)}}, "within 0..1"),
        ({"dvml": {"nmi": (float("nan"), 0.5)}}, "within 0..1"),
    ],
)
def test_a_wrong_interval_is_a_named_error(tmp_path, intervals, message):
    with pytest.raises(ValueError, match=r"intervals\[.*" + message):
        write(tmp_path, intervals=intervals)


def test_scores_of_an_evaluation_can_be_reported_as_they_are(tmp_path):
    # By chance AMI comes out below 0.
    scores = kd.evaluation.evaluate_retrieval(
        np.random.default_rng(0).normal(size=(60, 8)), np.arange(60) % 6
    )
    scores["ami"] = -0.01
    text = page(tmp_path, scores={"random": scores})
    assert "MRR: mean of 1/rank" in text and "<span>-1.0</span>" in text


def test_summary_names_the_best_row_and_its_gain_over_the_next(tmp_path):
    # 60.93 - 51.87 = 9.06
    text = page(tmp_path)
    assert "With dvml" in text
    assert (
        "60.9% of the queries (Recall@1), 9.1 percentage points more than with "
        "triplet." in text
    )


def test_summary_is_about_what_was_published_however_good_it_is(tmp_path):
    text = page(tmp_path, published="triplet")
    assert (
        "With triplet, the first result is of the right class for 51.9% of the "
        "queries (Recall@1), 9.1 percentage points less than with dvml." in text
    )


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"a": {"nmi": 0.9}}, "a reaches 90.0% NMI."),
        (
            {"a": {"nmi": 0.9}, "b": {"nmi": 0.9}},
            "a reaches 90.0% NMI, as with b.",
        ),
    ],
)
def test_summary_without_a_better_or_a_worse_row(tmp_path, scores, expected):
    assert expected in page(tmp_path, scores=scores)


def test_headline_may_be_another(tmp_path):
    text = page(tmp_path, headline="Nothing was published.")
    assert "Nothing was published." in text and "With dvml" not in text


def test_a_score_that_a_row_lacks_is_a_dash(tmp_path):
    scores = {"a": {"recall@1": 0.2}, "b": {"recall@1": 0.4, "nmi": 0.5}}
    assert '<td class="none">\u2013</td>' in page(tmp_path, scores=scores)


def test_each_term_has_a_panel_with_its_last_values(tmp_path):
    text = page(tmp_path)
    for title in ("Total loss", "Prior loss", "Recall@1, held out"):
        assert f"<h3>{title}" in text
    # Last epoch: 0.25 and 0.75 of the total loss, 60% of the validation.
    for value in ("0.25", "0.75", "60.0%"):
        assert f">{value}</b>" in text


def test_hits_and_misses_are_marked_by_class_and_sign(tmp_path):
    found = [
        SearchResult(png(1), "wren", 0.912, True),
        SearchResult(png(2), "robin", 0.834, False),
    ]
    text = page(tmp_path, searches=[Search(png(), "wren", found)])
    hit, miss = re.findall(r'<li class="(?:hit|miss)">.*', text)
    assert 'class="hit"' in hit and "\u2713" in hit
    assert "wren" in hit and "0.912" in hit
    assert 'class="miss"' in miss and "\u2717" in miss
    assert "robin" in miss and "0.834" in miss
    assert "1 of 2 right" in text


def test_files_left_out_are_listed_with_their_reason(tmp_path):
    text = page(tmp_path, quarantined=[("a/b.jpg", "truncated")])
    assert "1 file was not used" in text
    assert "<td>a/b.jpg</td><td>truncated</td>" in text


def test_parts_without_content_are_left_out(tmp_path):
    text = page(tmp_path, histories={})
    headings = re.findall("<h2>(.*?)</h2>", text)
    assert headings == ["Scores on unseen classes"]


def test_hostile_text_stays_text(tmp_path):
    text = full_page(tmp_path, HOSTILE)
    assert "<script>alert" not in text
    assert "<b>.png" not in text
    # The page's own two scripts, and no more.
    assert len(re.findall("<script", text)) == 2
    assert text.count("</script>") == 2


def test_text_that_looks_like_a_slot_is_not_filled(tmp_path):
    assert full_page(tmp_path, HOSTILE).count("{{ notes }}") > 0
    assert "{{" not in full_page(tmp_path, "wren")


def test_data_of_the_page_is_json_and_keeps_hostile_names(tmp_path):
    text = full_page(tmp_path, HOSTILE)
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1)
    assert json.loads(data)["map"]["names"] == [HOSTILE] * 3


def test_no_address_leads_outside(tmp_path):
    text = re.sub(
        "data:image/jpeg;base64,[A-Za-z0-9+/=]+",
        "",
        full_page(tmp_path, "wren"),
    )
    assert not re.search(r"https?:|ftp:|wss?:|@import|srcset", text)
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?\s*//""", text)
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert set(sources) <= {"", "data:,"}


def test_page_forbids_fetching(tmp_path):
    assert "default-src 'none'" in page(tmp_path)


def test_same_input_gives_the_same_file(tmp_path):
    assert full_page(tmp_path / "a", "wren") == full_page(
        tmp_path / "b", "wren"
    )


def test_path_is_returned_and_folders_are_made(tmp_path):
    path = write(tmp_path / "not" / "yet")
    assert path == tmp_path / "not" / "yet" / "report.html"
    assert path.is_file()


def test_a_failed_write_keeps_the_old_report(tmp_path, monkeypatch):
    path = write(tmp_path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, title="Other birds")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["report.html"]


def test_report_can_be_read_by_others(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    assert write(tmp_path).stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("scores", [{}, {"dvml": {}}])
def test_empty_scores_are_a_named_error(tmp_path, scores):
    with pytest.raises(ValueError, match="scores must hold at least one"):
        write(tmp_path, scores=scores)


@pytest.mark.parametrize("value", [float("nan"), 60.9, -0.5])
def test_a_score_outside_its_range_is_a_named_error(tmp_path, value):
    with pytest.raises(ValueError, match="recall@1.* must lie in 0..1"):
        write(tmp_path, scores={"dvml": {"recall@1": value}})


def test_a_search_without_results_is_a_named_error():
    with pytest.raises(ValueError, match="results must.*'wren'"):
        Search(png(), "wren", [])


@pytest.mark.parametrize(
    "values",
    [
        [0.5],
        [0.5, 0.5],
        [-1.0, 2.0, -3.0],
        [0.0, 0.0],
        [1e-9, 1e9],
        [7.0] * 200,
    ],
)
def test_any_finite_curve_is_drawn(tmp_path, values):
    text = page(tmp_path, histories={"dvml": {"loss": values}})
    heights = re.findall(r"[\d.]+,(-?[\d.]+)[ \"]", text.split("polyline")[1])
    assert all(0 <= float(height) <= 176 for height in heights)


def test_a_curve_that_was_never_measured_is_left_out(tmp_path):
    history = {"loss": [float("nan"), None, float("inf")]}
    assert "<svg" not in page(tmp_path, histories={"dvml": history})


def test_report_is_written_to_an_object_store(tmp_path, monkeypatch):
    from tensorflow.io import gfile

    monkeypatch.chdir(tmp_path)
    uri = "ram://reports/birds.html"
    arguments = {"title": "Birds", "scores": SCORES, "histories": HISTORIES}
    assert write_report(uri, **arguments) == uri
    with gfile.GFile(uri) as file:
        assert "Birds" in file.read()
    assert not list(tmp_path.iterdir())
