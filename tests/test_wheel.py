"""What is installed where nobody has a clone."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).parent.parent
BUILD = "import setuptools.build_meta as b; print(b.build_wheel('dist'))"


def library_files():
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "keras_dvml").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_wheel_holds_the_library_with_its_pages_and_nothing_else(tmp_path):
    # Building writes beside the sources.
    for folder in ("keras_dvml", "pipelines"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    built = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[-1]
    with zipfile.ZipFile(tmp_path / "dist" / built) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == library_files()
    assert {"keras_dvml/reports/report.html", "keras_dvml/py.typed"} <= names


def test_clone_has_the_pipeline_in_any_folder(tmp_path):
    # Beam's workers and the containers' steps start elsewhere.
    found = subprocess.run(
        [sys.executable, "-c", "import pipelines; print(pipelines.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert pathlib.Path(found) == ROOT / "pipelines" / "__init__.py"
