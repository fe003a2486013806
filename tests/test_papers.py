"""The runner accepts the commands of the pages on the papers and on runs."""

import pathlib
import re
import shlex

import pytest

pytestmark = pytest.mark.pipeline

GUIDES = pathlib.Path(__file__).parent.parent / "docs" / "guides"
PAGE = GUIDES / "papers.md"
COMMANDS = re.findall(
    r"^    python -m pipelines\.local_runner (.*?[^\\])$",
    PAGE.read_text(),
    re.DOTALL | re.MULTILINE,
)


@pytest.fixture
def local_runner():
    pytest.importorskip("tfx")
    from pipelines import local_runner

    return local_runner


def arguments_of(command, folder):
    command = command.replace("\\\n", " ").replace("FOLDER", str(folder))
    return shlex.split(command)


def test_there_is_a_command_for_each_set_up_of_the_papers():
    names = [re.search(r"--config (\w+)", one)[1] for one in COMMANDS]
    assert names == [
        *(["cub_dvml"] * 3 + ["cars196_dvml"] * 3 + ["sop_dvml"] * 3),
        *("cub_udml", "cars196_udml", "sop_udml"),
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_runner_takes_the_command(command, tmp_path, local_runner, capsys):
    arguments = arguments_of(command, tmp_path)
    assert local_runner.main([*arguments, "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert "RetrievalEvaluator" in shown.out + shown.err


@pytest.mark.parametrize(
    "settings", re.findall(r"`(--set [^`]+)`", PAGE.read_text())
)
def test_runner_takes_the_settings(settings, tmp_path, local_runner):
    settings = settings.replace("PATH", str(tmp_path))
    arguments = arguments_of(f"{COMMANDS[0]} {settings} --dry-run", tmp_path)
    assert local_runner.main(arguments) == 0


@pytest.mark.parametrize(
    "setting",
    re.findall(r"--set ([\w.]+=[\w.]+)", (GUIDES / "pipeline.md").read_text()),
)
def test_runner_takes_the_settings_for_a_folder(
    setting, tmp_path, local_runner
):
    command = f"--config folder_dvml --images FOLDER --set {setting} --dry-run"
    assert local_runner.main(arguments_of(command, tmp_path)) == 0


@pytest.mark.parametrize("command", [one for one in COMMANDS if "_dvml" in one])
def test_command_trains_over_the_loss_of_its_name(command, tmp_path):
    pytest.importorskip("tfx")
    from pipelines.runners.command_line import config_of, config_parser

    parser = config_parser("runner", "runs")
    config = config_of(parser.parse_args(arguments_of(command, tmp_path)))
    ending = config.name.partition("_dvml")[2].removeprefix("_")
    assert config.train.loss == (ending or "triplet")
    assert set(config.methods) >= {"plain", "dvml"}
