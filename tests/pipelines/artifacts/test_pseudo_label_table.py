import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.artifacts import pseudo_label_table

    return pseudo_label_table


@pytest.fixture
def table(module):
    return module.PseudoLabelTable(
        ids=np.asarray(["a,b.png", 'c"d.png', "e\nf.png", "ö.png"]),
        clusters=np.asarray([2, 0, 0, 1]),
        distances=np.asarray([0.25, 0.5, 0.125, 1.0], np.float32),
        centroids=np.eye(3, 5, dtype=np.float32),
        facts={"round": 4, "space": "embeddings", "sizes": [2, 1, 1]},
    )


def test_what_is_written_is_read(module, table, tmp_path):
    module.write_pseudo_labels(str(tmp_path), table)
    read = module.read_pseudo_labels(str(tmp_path))
    for name in ("ids", "clusters", "distances", "centroids"):
        written = getattr(table, name)
        np.testing.assert_array_equal(getattr(read, name), written)
        assert getattr(read, name).dtype.kind == written.dtype.kind
    assert read.facts == table.facts


def test_file_of_labels_is_a_plain_table(module, table, tmp_path):
    module.write_pseudo_labels(str(tmp_path), table)
    lines = (tmp_path / "pseudo_labels.csv").read_text("utf-8").splitlines()
    assert lines[0] == "image_id,cluster,round,distance"
    assert lines[1] == '"a,b.png",2,4,0.25'


def test_images_are_looked_up_by_id(module, table):
    clusters = table.clusters_of(np.asarray(["ö.png", "a,b.png", "zzz", ""]))
    assert clusters.tolist() == [1, 2, -1, -1]
