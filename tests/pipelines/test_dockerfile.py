"""The image's recipe, as far as it can be followed without docker."""

import pathlib
import re
import shutil

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def recipe():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [
        line.split() for line in text.splitlines() if re.match("[A-Z]+ ", line)
    ]


def test_image_is_set_up_as_the_tests_are(recipe):
    (install,) = (words for words in recipe if words[0] == "RUN")
    makefile = (ROOT / "Makefile").read_text()
    _, script, _, version, pins, *_ = install
    assert f"@{script} .venv {version} {pins}" in makefile
    assert ["FROM", f"python:{version}-slim"] in recipe


@pytest.mark.slow
def test_what_is_copied_is_all_that_a_container_imports(
    recipe, tmp_path, run_python
):
    for _, *sources, target in (w for w in recipe if w[0] == "COPY"):
        for source in sources:
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, tmp_path / target)
            else:
                shutil.copy(path, tmp_path / target)
    found = run_python(
        """
import os, sys
os.chdir(sys.argv[1])
sys.path[:0] = [sys.argv[1]]
import keras_dvml.reports
import pipelines.graph.pipeline, pipelines.runners.kubeflow.executors
print(keras_dvml.__file__, pipelines.__file__)
""",
        tmp_path,
    )
    assert found.split() == [
        str(tmp_path / name / "__init__.py")
        for name in ("keras_dvml", "pipelines")
    ]


def test_build_context_holds_what_is_copied_and_no_environments(recipe):
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for words in recipe
        if words[0] == "COPY"
        for source in words[1:-1]
    }
    assert kept == copied
