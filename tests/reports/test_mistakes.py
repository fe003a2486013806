import re

import numpy as np
import tensorflow as tf

from keras_dvml.reports import EmbeddingMap, write_report
from keras_dvml.reports.mistakes import (
    confused_pairs,
    first_results,
    hardest_classes,
    spread_of_classes,
)

PNG = tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()


def on_a_circle(degrees, labels):
    angles = np.deg2rad(degrees)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    names = [f"<{label}>" for label in labels]
    return EmbeddingMap(embeddings, labels, names, [PNG] * len(labels))


# a finds itself. Of b, 100 finds 101 of c and 140 finds 141 of c; c's two find
# those of b in turn. d is alone: nothing to find.
DEGREES = [0, 1, 100, 140, 101, 141, 250]
LABELS = ["a", "a", "b", "b", "c", "c", "d"]


def test_first_results_are_the_nearest_other_images():
    results = first_results(on_a_circle(DEGREES, LABELS))
    assert results.queries.tolist() == [0, 1, 2, 3, 4, 5]
    assert results.found.tolist() == [1, 0, 4, 5, 2, 3]
    assert results.is_right.tolist() == [True, True, False, False, False, False]


def test_hardest_classes_come_worst_first_without_those_that_never_fail():
    # b: 100 has 101 and then, 40 away, 140: of one positive the first place
    # is lost, so MAP@R is 0; a is always right and d never asked.
    hardest = hardest_classes(first_results(on_a_circle(DEGREES, LABELS)))
    assert [shown.title for shown in hardest] == ["<b>", "<c>"]
    assert hardest[0].facts == "0 of 2 right, MAP@R 0.0%"
    assert hardest[0].rows.tolist() == [[2, 4], [3, 5]]


def test_worse_of_two_classes_comes_first():
    # x: 1 of 3 wrong (80 finds 81). y: both wrong.
    degrees, labels = [0, 1, 80, 81, 200, 201], ["x", "x", "x", "y", "y", "z"]
    hardest = hardest_classes(first_results(on_a_circle(degrees, labels)))
    assert [shown.title for shown in hardest] == ["<y>", "<x>"]
    assert hardest[1].facts.startswith("2 of 3 right")


def test_confused_pairs_are_counted_both_ways():
    results = first_results(on_a_circle(DEGREES, LABELS))
    (pair,) = confused_pairs(results)
    assert pair.title == "<b> \u2194 <c>"
    assert pair.facts == "4 of 4 searches"
    assert pair.rows.tolist() == [[2, 4], [3, 5], [4, 2], [5, 3]]


def test_a_tie_with_the_right_class_is_no_confusion():
    # 10 is as near to 0 as to 0: the search counts as wrong, and whichever
    # image it met, no pair is a class with itself.
    images = on_a_circle([0, 0, 0, 90, 91], ["a", "b", "a", "c", "c"])
    for shown in confused_pairs(first_results(images)):
        first, second = shown.title.split(" \u2194 ")
        assert first != second


def test_spread_of_classes_is_in_quantiles():
    # Recall@1 of a, b, c is 1, 0, 0: quantiles 0, 0 and 0.8 by interpolation.
    sentence = spread_of_classes(first_results(on_a_circle(DEGREES, LABELS)))
    assert "middle class is 0%" in sentence
    assert "at 0% or below, a tenth at 80% or above" in sentence


def test_no_class_with_two_images_gives_nothing():
    assert first_results(on_a_circle([0, 10, 20], ["a", "b", "c"])) is None


def page(path, images):
    return write_report(
        path / "report.html",
        title="Birds",
        scores={"dvml": {"recall@1": 0.5}},
        histories={},
        embedding_map=images,
    ).read_text(encoding="utf-8")


def test_report_shows_mistakes_with_hostile_names_as_text(tmp_path):
    text = page(tmp_path, on_a_circle(DEGREES, LABELS))
    assert "<h2>Hardest classes</h2>" in text
    assert "&lt;b&gt; \u2194 &lt;c&gt;" in text
    assert not re.search("<[abc]> ", text.split("</style>")[1])


def test_report_leaves_out_what_nobody_confuses(tmp_path):
    images = on_a_circle([0, 1, 90, 91], ["a", "a", "b", "b"])
    text = page(tmp_path, images)
    assert "Hardest classes" not in text
    assert "Most confused" not in text


def test_clusters_have_no_mistakes(tmp_path):
    images = EmbeddingMap(
        np.eye(4), [0, 0, 1, 1], list("aabb"), [PNG] * 4, "cluster"
    )
    assert "Hardest" not in page(tmp_path, images)
