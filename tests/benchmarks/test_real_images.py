import json

import numpy as np
import pytest


@pytest.fixture
def real_images():
    import real_images

    return real_images


def test_a_run_is_read_from_its_last_report(real_images, tmp_path):
    for execution, recall in ((9, 0.5), (10, 0.75)):
        report = tmp_path / "artifacts" / "Reporter" / "report" / str(execution)
        report.mkdir(parents=True)
        row = {"recall@1": recall, "recall@2": 1.0, "map@r": 0.25}
        text = json.dumps({"hog": row, "dvml": row})
        (report / "scores.json").write_text(text)
    evaluation = tmp_path / "artifacts/RetrievalEvaluator_dvml/evaluation/7"
    evaluation.mkdir(parents=True)
    np.savez(evaluation / "embeddings.npz", ids=["wren/1.png", "robin/1.png"])
    row = {"recall@1": 75.0, "map@r": 25.0}
    assert real_images.read_run(tmp_path) == {
        "scores": {"hog": row, "dvml": row},
        "ids": ["wren/1.png", "robin/1.png"],
    }


def test_results_of_another_command_are_refused(real_images, tmp_path):
    (tmp_path / "scores").mkdir()
    path = tmp_path / "scores" / "emoji_dvml_0.json"
    path.write_text(json.dumps({"command": ["other"]}))
    with pytest.raises(SystemExit, match="another --folder"):
        real_images.run("dvml", tmp_path / "emoji", 0, tmp_path)


def test_differences_are_paired_and_held_against_the_aims(real_images):
    as_is = np.array([[60.0, 30.0], [62.0, 31.0], [64.0, 32.0]])
    rows = {
        "as_is": as_is,
        "dvml": as_is + [[5.0, 12.0], [6.0, 12.0], [7.0, 12.0]],
    }
    *_, untrained, trained = real_images.table(rows, "as_is")
    # 4.303 is Student's t for 0.975 at 2 degrees of freedom.
    assert untrained == "| as_is | 62.0 ± 5.0 | 31.0 ± 2.5 |  |  |"
    assert trained.endswith("| +6.0 ± 2.5 | +12.0 ± 0.0 |")
    best, names = real_images.best_of(
        {"low": as_is, "R": as_is + [9.0, -1.0], "MAP": as_is + [-9.0, 1.0]}
    )
    assert names == ["R", "MAP"]
    assert (best == as_is + [9.0, 1.0]).all()
    lines = [
        *real_images.verdicts(
            rows["dvml"], as_is, best, ((6, 12), (3, 8)), [11.0, 12.5]
        )
    ]
    assert ["not met" in line for line in lines[2:]] == [
        *(False, False, True, False),
        True,
    ]
    assert (
        "| Recall@1 - the best row without training | +3.0 | -3.0" in lines[4]
    )
