import textwrap

import pytest

from pipelines.artifacts.fingerprint import code_fingerprint, code_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `nest`, new to Python, whose `bird` uses most of the others."""
    nest = tmp_path / "nest"
    sources = {
        "__init__.py": "",
        "bird.py": """
            import nest.food as food
            from nest.room import Egg

            def fly():
                from nest import wing
                return food.worm.EAT, "nest.song.sing", f"nest.flock.{Egg}"
        """,
        "food/__init__.py": "from nest.food import seed, worm",
        "food/seed.py": "",
        "food/worm.py": "from nest.mud import DIRT",
        "mud.py": "DIRT = 1",
        "room/__init__.py": "from nest.room.egg import Egg\n"
        "from nest.room.twig import Twig",
        "room/egg.py": "class Egg: pass",
        "room/egg.html": "<p>",
        "room/twig.py": "class Twig: pass",
        "wing.py": "",
        "song.py": "",
        "flock/one.py": "",
        "flock/two.py": "",
    }
    for name, source in sources.items():
        path = nest / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    code_fingerprint.cache_clear()
    return nest


def test_code_of_a_module_is_what_it_imports_and_names(package):
    found = {
        path.relative_to(package).as_posix() for path in code_of("nest.bird")
    }
    assert found == {
        "bird.py",
        "food/worm.py",
        "mud.py",
        "room/egg.py",
        "room/egg.html",
        "wing.py",
        "song.py",
        "flock/one.py",
        "flock/two.py",
    }


@pytest.mark.parametrize(
    ("changed", "counts"),
    [("mud.py", True), ("room/egg.html", True), ("room/twig.py", False)],
)
def test_fingerprint_changes_with_the_code(package, changed, counts):
    before = code_fingerprint("nest.bird")
    (package / changed).write_text("changed = True")
    code_fingerprint.cache_clear()
    assert (code_fingerprint("nest.bird") != before) == counts


@pytest.mark.parametrize("name", ["nest", "no_such_package.module"])
def test_unknown_modules_are_refused(package, name):
    with pytest.raises(ValueError, match=name):
        code_of(name)


@pytest.mark.parametrize(
    ("step", "used", "unused"),
    [
        ("reporting.reporter", "keras_dvml/reports/report.css", "trainer.py"),
        ("publishing.indexer", "keras_dvml/index/scann.py", "trainer.py"),
        ("clustering.clusterer", "keras_dvml/models/udml.py", "reporter.py"),
        ("training.metric_trainer", "training/distributed/process.py", "ui.py"),
        (
            "ingestion.image_example_gen",
            "keras_dvml/data/datasets/glyphs.py",
            "methods.py",
        ),
    ],
)
def test_steps_run_their_own_code_and_no_others(step, used, unused):
    paths = [path.as_posix() for path in code_of(f"pipelines.{step}")]
    assert any(path.endswith(used) for path in paths)
    assert not any(path.endswith(unused) for path in paths)
