"""The clients among the examples, against `keras-dvml serve`."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("served model")]


@pytest.fixture
def gallery(served, tmp_path):
    for name, image_bytes in served.files.items():
        (tmp_path / name).write_bytes(image_bytes)
    return tmp_path


def run_client(script, *arguments, cwd):
    return subprocess.run(
        [sys.executable, "-W", "ignore", EXAMPLES / script, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
    )


def arguments_of(script, served):
    if "rest" in script:
        return ["--url", served.url]
    if served.grpc_address is None:
        pytest.skip("tensorflow-serving-api is not installed")
    return ["--url", served.grpc_address, "--model", "birds"]


every_client = pytest.mark.parametrize(
    "script", ["07_search_over_rest.py", "08_search_over_grpc.py"]
)


@every_client
def test_client_embeds_searches_and_draws(script, served, gallery):
    finished = run_client(
        script,
        "bird 7.png",
        f"--gallery={gallery}",
        *arguments_of(script, served),
        "--sheet=sheet.png",
        cwd=gallery,
    )
    assert finished.returncode == 0, finished.stderr
    first, best, *_ = finished.stdout.splitlines()
    assert first == "bird 7.png is a point in 8 dimensions."
    assert best == "  1.000  bird 7.png"
    assert "similar enough to match" in finished.stdout
    sheet = np.asarray(Image.open(gallery / "sheet.png"))
    # The query and three results, each 128 wide and 8 apart.
    assert sheet.shape == (146, 4 * 136, 3)
    np.testing.assert_array_equal(sheet[:128, :128], sheet[:128, 136:264])


@every_client
def test_client_says_why_it_was_refused(script, served, tmp_path):
    (tmp_path / "text.png").write_bytes(b"hello")
    finished = run_client(
        script, "text.png", *arguments_of(script, served), cwd=tmp_path
    )
    assert finished.returncode == 1
    assert "an image must be JPEG, PNG, GIF" in finished.stderr
    assert not (tmp_path / "results.png").exists()
