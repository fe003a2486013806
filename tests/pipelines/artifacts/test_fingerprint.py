import pytest

from pipelines.artifacts.fingerprint import code_fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `nest` with a module and a room, new to Python."""
    room = tmp_path / "nest" / "room"
    room.mkdir(parents=True)
    for path in (room.parent / "__init__.py", room / "egg.py"):
        path.write_text("")
    (room.parent / "twig.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    code_fingerprint.cache_clear()
    return room.parent


def test_changed_code_changes_the_fingerprint(package):
    before = code_fingerprint("nest.room")
    (package / "room" / "egg.py").write_text("hatched = True")
    code_fingerprint.cache_clear()
    assert code_fingerprint("nest.room") != before


def test_other_code_does_not(package):
    before = code_fingerprint("nest.room")
    (package / "twig.py").write_text("broken = True")
    code_fingerprint.cache_clear()
    assert code_fingerprint("nest.room") == before


def test_renamed_file_changes_the_fingerprint(package):
    before = code_fingerprint("nest")
    (package / "twig.py").rename(package / "stick.py")
    code_fingerprint.cache_clear()
    assert code_fingerprint("nest") != before


def test_single_modules_count(package):
    assert code_fingerprint("nest.twig") != code_fingerprint("nest.room")


@pytest.mark.parametrize("name", ["nest.gone", "no_such_package"])
def test_unknown_names_are_refused(package, name):
    with pytest.raises(ValueError, match=name):
        code_fingerprint(name)
