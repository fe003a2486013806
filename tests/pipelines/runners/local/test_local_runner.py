import subprocess
import sys
import threading
import types

import pytest

from pipelines.local_runner import main
from pipelines.runners.local.results import score_table, search_commands
from pipelines.runners.local.workspace import only_run_in
from pipelines.runners.progress import Progress


def command_line(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.local_runner", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def told_lightly(run_python):
    """Runs a command line and returns what it said and what it imported."""

    def tell(*arguments):
        told, modules = run_python(
            """
import sys
from pipelines.local_runner import main
try:
    status = main(sys.argv[1:])
except SystemExit as ended:
    status = ended.code
assert not status
print("MODULES", *sys.modules)
""",
            *arguments,
        ).split("MODULES")
        return told, {name.partition(".")[0] for name in modules.split()}

    return tell


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--config", "glyphs_dvml", "--dry-run"]]
)
def test_help_and_dry_run_do_not_wait_for_tfx_or_tensorflow(
    told_lightly, arguments
):
    _, modules = told_lightly(*arguments)
    assert "pipelines" in modules
    assert not modules & {"tfx", "tensorflow", "apache_beam", "numpy"}


@pytest.mark.slow
def test_a_graph_does_not_wait_for_vertex_ai_or_kubeflow(run_python):
    modules = run_python(
        "import sys, pipelines.graph.pipeline; print(*sys.modules)"
    ).split()
    assert "tfx.components" in modules
    assert not {"google.cloud.aiplatform", "kfp"} & {*modules}


def test_help_names_runs_with_what_they_do_and_fields(told_lightly):
    told, _ = told_lightly("--help")
    assert "glyphs_dvml" in told and "on the built-in glyphs" in told
    assert "train.learning_rate" in told


def test_dry_run_shows_the_graph_as_it_was_changed(told_lightly, tmp_path):
    told, _ = told_lightly(
        *("--config", "glyphs_udml", "--dry-run", "--set", "train.seed=7"),
        *("--set", "rounds.num_rounds=2", "--name", "letters"),
        *("--workspace", tmp_path / "runs"),
    )
    assert "The model 'letters', in 21 steps:" in told
    assert "Clusterer_udml_2" in told and "Clusterer_udml_3" not in told
    assert "seed=7" in told
    assert not (tmp_path / "runs").exists()


def test_second_run_waits_for_the_first_and_says_so(
    write_images, tmp_path, capsys
):
    images = write_images(tmp_path / "squares", 4, 5)
    run_dir = tmp_path / "runs" / "squares"
    run_dir.mkdir(parents=True)
    arguments = ["--config", "folder_dvml", "--images", str(images)]
    arguments += ["--workspace", str(tmp_path / "runs")]
    statuses = []
    second = threading.Thread(target=lambda: statuses.append(main(arguments)))
    with only_run_in(run_dir, Progress()):
        second.start()
        second.join(2)
        assert second.is_alive()
        assert "Waiting for its end" in capsys.readouterr().out
        # So that it ends as soon as it may begin.
        (run_dir / "source.txt").write_text("other images")
    second.join(20)
    assert statuses == [1]
    screen = capsys.readouterr().out
    assert "belong to the images of other images" in screen
    # Waiting went well.
    assert "FAILED: " in screen


def test_run_of_other_images_is_refused_before_it_waits(
    write_images, tmp_path, capsys
):
    images = write_images(tmp_path / "squares", 4, 5)
    run_dir = tmp_path / "runs" / "squares"
    run_dir.mkdir(parents=True)
    (run_dir / "source.txt").write_text("other images")
    arguments = ["--config", "folder_dvml", "--images", str(images)]
    with only_run_in(run_dir, Progress()):
        assert main([*arguments, "--workspace", str(tmp_path / "runs")]) == 1
    screen = capsys.readouterr().out
    assert "--name" in screen and "Waiting" not in screen


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
        (["--config", "glyph_dvml"], "Did you mean `glyphs_dvml`"),
        (
            ["--config", "glyphs_dvml", "--set", "train.epoch=2"],
            "Did you mean `train.epochs`",
        ),
        (
            ["--config", "glyphs_dvml", "--beam-pipeline-args", "x"],
            "begin with `--`",
        ),
        (["--config", "folder_dvml"], "--images FOLDER"),
        (
            ["--config", "glyphs_dvml", "--max-bad-fraction", "2"],
            "max_bad_fraction",
        ),
        (
            ["--config", "glyphs_dvml", "--set", "train.strategy=multiworker"],
            "Did you mean `multi_worker`",
        ),
        (
            ["--config", "glyphs_udml", "--set", "tune.trials=2"],
            "candidate='udml'",
        ),
    ],
)
def test_wrong_arguments_are_explained(arguments, message, capsys):
    assert main(arguments) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize("argument", ["--workspace", "--saved-models"])
@pytest.mark.parametrize("name", ["runs[1]", "runs*", "what?"])
def test_folder_that_would_be_read_as_a_pattern_is_refused_at_once(
    argument, name, tmp_path, capsys
):
    folder = tmp_path / name / "below"
    arguments = ["--config", "glyphs_dvml", "--workspace", str(tmp_path / "w")]
    assert main([*arguments, argument, str(folder)]) == 1
    assert f"{argument}={str(folder)!r}" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


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
    scores = {"udml": {"copies_found@1": 0.5}}
    assert score_table(scores, {"udml": "UDML"}).split("\n") == [
        "        Copies found@1",
        "  UDML            50.0",
    ]


def test_table_lists_percentages_and_marks_what_was_published():
    table = score_table(
        {
            "triplet": {"recall@1": 0.612, "map@r": 0.2, "nmi": 0.5},
            "dvml": {"recall@1": 0.5, "map@r": 0.1, "nmi": 1.0},
        },
        {"triplet": "triplet", "dvml": "DVML"},
        published="dvml",
    )
    assert table.split("\n") == [
        "           Recall@1     MAP@R       NMI",
        "  triplet      61.2      20.0      50.0",
        "  DVML         50.0      10.0     100.0  published",
    ]


def test_run_ends_with_commands_that_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ingest = types.SimpleNamespace(folder=str(tmp_path / "my birds"))
    told = search_commands(
        types.SimpleNamespace(ingest=ingest),
        tmp_path / "saved_models" / "birds" / "3",
    )
    model, images = "saved_models/birds", "--images 'my birds'"
    assert told.splitlines()[1:] == [
        "To search with a picture of your own, and on a page:",
        f"  {sys.executable} -m keras_dvml search {model} my_picture.jpg",
        f"  {sys.executable} -m keras_dvml serve {model} {images}",
    ]
    ingest.folder = ""
    told = search_commands(
        types.SimpleNamespace(ingest=ingest), tmp_path / "birds" / "3"
    )
    assert told.endswith(f"{sys.executable} -m keras_dvml serve birds")
