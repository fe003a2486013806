"""Messages about missing parts name commands that work."""

import importlib.metadata
import re

from keras_dvml.extras import install_command

LISTED = [
    "tensorflow<2.22,>=2.15",
    'scann==1.4.2; extra == "scann"',
    'tensorflow<2.21,>=2.20; extra == "scann"',
    "pillow>=10; extra == 'viz'",
]


def test_command_names_what_the_extra_brings_and_nothing_else(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: LISTED)
    assert install_command("viz") == 'pip install "pillow>=10"'
    assert install_command("scann") == (
        'pip install "scann==1.4.2" "tensorflow<2.21,>=2.20"'
    )


def test_command_is_the_clones_where_nothing_is_installed(monkeypatch):
    def not_installed(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", not_installed)
    assert install_command("viz") == 'pip install -e ".[viz]"'


def test_every_extra_is_read_whole_from_the_installation(pytestconfig):
    declared = importlib.metadata.metadata("keras_dvml").get_all(
        "Provides-Extra"
    )
    assert {"scann", "faiss", "viz", "datasets"} <= set(declared)
    listed = importlib.metadata.requires("keras_dvml")
    for extra in declared:
        mentioned = [line for line in listed if f'"{extra}"' in line]
        quoted = re.findall('"(.*?)"', install_command(extra))
        assert quoted == [line.split(";")[0] for line in mentioned]


def test_no_message_sends_anybody_to_an_index(pytestconfig):
    sought = re.compile(r"pip install [\"']?keras[-_]dvml[\[\"' ]")
    for folder in ("keras_dvml", "pipelines", "examples", "benchmarks"):
        for path in (pytestconfig.rootpath / folder).rglob("*.py"):
            if path.name != "extras.py":
                assert not sought.search(path.read_text()), path
