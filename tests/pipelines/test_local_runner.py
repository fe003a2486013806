import subprocess
import sys
import time

import pytest

from pipelines.local_runner import main
from pipelines.results import score_table


def command_line(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.local_runner", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_answers_at_once_and_names_the_runs():
    start = time.monotonic()
    finished = command_line("--help")
    assert time.monotonic() - start < 3
    assert finished.returncode == 0
    assert "glyphs_dvml" in finished.stdout


def test_missing_folder_fails_in_one_paragraph(tmp_path):
    finished = command_line(
        *("--config", "folder_dvml", "--images", str(tmp_path / "gone")),
        *("--workspace", str(tmp_path / "runs")),
    )
    assert finished.returncode == 1
    assert "gone" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "typo"], "`config` must be one of"),
        (["--config", "folder_dvml"], "--images FOLDER"),
        (
            ["--config", "glyphs_dvml", "--max-bad-fraction", "2"],
            "max_bad_fraction",
        ),
    ],
)
def test_wrong_arguments_are_explained(arguments, message, capsys):
    assert main(arguments) == 1
    assert message in capsys.readouterr().out


def test_labels_is_none_or_not_given():
    finished = subprocess.run(
        ["make", "--dry-run", "demo", "LABELS=some"],
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 2
    assert "LABELS=some" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        ([], "glyphs_dvml"),
        (["IMAGES=a b"], "folder_dvml --images"),
        (["LABELS=none"], "glyphs_udml"),
        (["LABELS=none", "IMAGES=a b"], "folder_udml --images"),
    ],
)
def test_make_demo_chooses_the_run(arguments, config):
    finished = subprocess.run(
        ["make", "--dry-run", "demo", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"--config {config}" in finished.stdout


def test_table_of_copies_has_room_for_its_titles():
    assert score_table({"udml": {"copies_found@1": 0.5}}).split("\n") == [
        "        Copies found@1",
        "  udml            50.0",
    ]


def test_table_lists_methods_and_percentages():
    table = score_table(
        {
            "triplet": {"recall@1": 0.612, "map@r": 0.2, "nmi": 0.5},
            "dvml": {"recall@1": 0.5, "map@r": 0.1, "nmi": 1.0},
        }
    )
    assert table.split("\n") == [
        "           Recall@1     MAP@R       NMI",
        "  triplet      61.2      20.0      50.0",
        "  dvml         50.0      10.0     100.0",
    ]
