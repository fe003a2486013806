import re

import numpy as np
import pytest
import tensorflow as tf

from keras_dvml.reports import (
    Cluster,
    ClusterRound,
    EmbeddingMap,
    Search,
    SearchResult,
    plot_search,
    write_report,
)

SCORES = {
    "untrained": {"copies_found@1": 0.25, "copies_found@10": 0.5},
    "udml": {"copies_found@1": 0.75, "copies_found@10": 0.875},
}


def png(value=0, size=20):
    image = np.full((size, size, 3), value, np.uint8)
    return tf.io.encode_png(image).numpy()


def page(path, **changes):
    arguments = {"title": "Birds", "scores": SCORES, "histories": {}}
    written = write_report(path / "report.html", **{**arguments, **changes})
    return written.read_text(encoding="utf-8")


def rounds(name="7", num_images=3):
    cluster = Cluster(name, size=1200, images=[png()] * num_images)
    return [
        ClusterRound("Round 1", "", [cluster]),
        ClusterRound("Round 2", "Half of them <moved>.", [cluster, cluster]),
    ]


def test_each_round_is_a_part_and_the_last_is_open(tmp_path):
    text = page(tmp_path, clusterings=rounds())
    found = re.findall(r"<details( open)?><summary>(.*?)</summary>", text)
    assert found == [(" open", "Round 2"), ("", "Round 1")]
    assert "Half of them &lt;moved&gt;." in text


def test_clusters_have_name_size_and_one_picture(tmp_path):
    text = page(tmp_path, clusterings=rounds())
    assert text.count('<span class="name">Cluster 7</span>') == 3
    assert text.count('<span class="score">1,200 images</span>') == 3
    assert text.count('alt="3 images of cluster 7"') == 3


def test_hostile_names_stay_text(tmp_path):
    text = page(tmp_path, clusterings=rounds('"><script>x</script>'))
    assert "<script>x" not in text


def test_at_most_eight_images_of_a_cluster_are_shown(tmp_path):
    text = page(tmp_path, clusterings=rounds(num_images=11))
    assert "8 images of cluster 7" in text
    assert "width: 100%" in text


def test_cluster_without_images_has_no_picture(tmp_path):
    text = page(tmp_path, clusterings=rounds(num_images=0))
    assert 'alt="0 images' not in text
    assert "Cluster 7" in text


def test_map_of_clusters_says_so_and_judges_nothing(tmp_path):
    drawn = EmbeddingMap(
        np.eye(12),
        [9, 10, 2] * 4,
        ["9", "10", "2"] * 4,
        [png()] * 12,
        "cluster",
    )
    text = page(tmp_path, embedding_map=drawn)
    assert "colours tell clusters apart" in text
    assert "never saw in training" not in text
    assert '"judged":false' in text
    # Numbers in the order of numbers.
    assert re.findall(r'<option value="\d">(\d+)<', text) == ["2", "9", "10"]


def test_map_of_something_else_is_a_named_error():
    with pytest.raises(ValueError, match="noun must.*'group'"):
        EmbeddingMap(np.eye(2), [0, 1], ["a", "b"], [png()] * 2, "group")


def unmarked_search():
    found = [SearchResult(png(1), "a.png", 0.912)]
    return Search(png(), "q.png", found)


def test_results_that_nobody_judges_have_no_marks(tmp_path):
    text = page(tmp_path, searches=[unmarked_search()])
    assert "right class" not in text.split("<script>")[0]
    assert "of 1 right" not in text
    assert "a.png" in text and "0.912" in text


def test_figure_of_such_a_search_has_none_either():
    pytest.importorskip("matplotlib")
    axes = plot_search(unmarked_search())
    assert axes[1].get_title() == "0.912\na.png"


def test_copies_are_explained_and_summed_up(tmp_path):
    text = page(tmp_path, scores_title="Copies")
    assert "<h2>Copies</h2>" in text
    assert text.count("share of copies whose original") == 1
    # 0.75 - 0.25 = 50 points.
    assert "With udml, 75.0% of changed copies find their original" in text
    assert "50.0 percentage points more than with untrained" in text
