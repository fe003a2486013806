"""The README's code runs as it stands, and what it shows and links is there."""

import re

import pytest


@pytest.fixture
def text(pytestconfig):
    return (pytestconfig.rootpath / "README.md").read_text()


def test_code_runs_as_it_stands(text, tmp_path, run_python):
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    printed = run_python(
        f"import os; os.chdir({str(tmp_path)!r})\n{code}\n"
        "print(len(pseudo.rounds), scores['recall@1'], ids.shape)"
    )
    num_rounds, recall, shape = printed.splitlines()[-1].split(maxsplit=2)
    assert int(num_rounds) == 2
    # 20 unseen classes of equal size: chance is 5%.
    assert float(recall) > 0.2
    assert shape == "(1, 5)"
    for name in ("characters", "characters-scann"):
        assert (
            tmp_path / "saved_models" / name / "1" / "saved_model.pb"
        ).is_file()


def test_links_lead_to_files(text, pytestconfig):
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", prose)
    assert len(linked) > 10
    for path in linked:
        assert (pytestconfig.rootpath / path).exists(), path


def test_picture_of_the_report_is_small(pytestconfig):
    # Written by `make picture`.
    picture = pytestconfig.rootpath / "docs" / "images" / "report.webp"
    assert picture.stat().st_size < 150_000
