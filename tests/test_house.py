"""The arrows of the design: which room may import which."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent

MAY_IMPORT = {
    "ops": set(),
    "data": {"ops"},
    "layers": {"ops"},
    "miners": {"ops"},
    "losses": {"ops", "miners"},
    "clustering": {"ops"},
    # NMI, AMI and F1 judge a clustering of the embeddings: the same k-means.
    "evaluation": {"ops", "clustering"},
    "index": {"ops"},
    "models": {"ops", "layers", "losses"},
    "training": {"data", "models", "clustering", "evaluation"},
    "serving": {"ops", "data", "models", "index"},
    "reports": {"evaluation", "data"},
    # Both stand on top of what they show.
    "server": {"serving", "reports"},
    "console": {"serving", "evaluation", "reports", "server"},
    "__main__": {"console"},
}
# The pipeline's rooms, from the ground up; the doors on top may import all.
PIPELINE_FLOORS = [
    {"artifacts", "configs"},
    {"embedding", "ingestion"},
    {"clustering", "evaluation", "publishing", "reporting", "training"},
    {"graph", "runners"},
    {"kubeflow_runner", "local_runner", "training_worker"},
]
# Every room may use the modules that stand beside the rooms.
ANYWHERE = {
    "__version__",
    "announcement",
    "arguments",
    "class_split",
    "configured_layer",
    "embeddings",
    "extras",
    "folder_walk",
    "keras_versions",
    "publisher_lock",
    "typing",
    "whole_files",
}
FOREIGN = {"tfx", "apache_beam", "kfp", "tensorflow_transform", "pipelines"}


def library_files():
    return sorted((ROOT / "keras_dvml").rglob("*.py"))


def imported_names(path):
    """Yields dotted names; `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(name):
    """Returns the folder that holds what a dotted name means."""
    folder = ROOT.joinpath(*name.split("."))
    while not folder.is_dir():
        folder = folder.parent
    return folder


def room_of(path):
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def pipeline_files():
    return sorted((ROOT / "pipelines").rglob("*.py"))


def test_every_room_is_on_the_plan():
    rooms = {
        path.name
        for path in (ROOT / "keras_dvml").iterdir()
        if path.is_dir() and list(path.glob("*.py"))
    }
    assert rooms <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    "path", library_files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_file_imports_only_what_its_room_may(path):
    room = room_of(path)
    for name in imported_names(path):
        first, *rest = name.split(".")
        assert first not in FOREIGN, f"{path} imports {name}"
        if first != "keras_dvml" or room == "__init__":
            continue
        other = rest[0]
        # What stands beside the rooms imports none of them.
        allowed = MAY_IMPORT.get(room, set()) | ANYWHERE | {room}
        assert other in allowed, f"{room} may not import {other}: {path}"


def test_keras_version_is_asked_for_in_one_place():
    for path in library_files():
        if path.name != "keras_versions.py":
            assert "keras.__version__" not in path.read_text(), path


def test_scann_is_used_in_one_place():
    users = [
        path for path in library_files() if "scann_ops" in path.read_text()
    ]
    assert [path.name for path in users] == ["scann_library.py"]


def test_no_file_has_a_name_that_says_nothing():
    empty_names = {"utils", "helpers", "common", "misc", "manager", "handler"}
    for folder in ("keras_dvml", "pipelines"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.stem not in empty_names, path


def test_every_room_of_the_pipeline_is_on_a_floor():
    rooms = {room_of(path) for path in pipeline_files()} - {"__init__"}
    assert rooms == set().union(*PIPELINE_FLOORS)


@pytest.mark.parametrize(
    "path", pipeline_files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_file_of_the_pipeline_imports_only_floors_below(path):
    floor_of = {
        room: floor
        for floor, rooms in enumerate(PIPELINE_FLOORS)
        for room in rooms
    }
    room = room_of(path)
    for name in imported_names(path):
        first, *rest = name.split(".")
        if first == "pipelines" and room not in ("__init__", rest[0]):
            # Names such as `pipelines.Report` are those of artifacts.
            below = floor_of.get(rest[0], 0)
            assert below < floor_of[room], f"{path} imports {name}"


def test_no_room_and_its_own_sub_room_import_each_other():
    arrows = {
        (path.parent, folder_of(name))
        for path in [*library_files(), *pipeline_files()]
        if path.name not in ("__init__.py", "__main__.py")
        for name in imported_names(path)
    }
    for room, other in arrows:
        back = room in other.parents and (other, room) in arrows
        assert not back, f"{room} and {other} import each other"


# What the pipeline takes of a room although the room does not list it.
ALSO_TAKEN = {
    # The keys of a tf.Example.
    "data.examples",
    # For models that are published in an object store.
    "serving.facts.read_facts",
    # What was changed by hand since.
    "serving.changed_versions.read_changes",
    "serving.versions.versions_of",
}


def test_pipelines_use_only_public_names_of_the_library():
    listed = {
        f"{init.parent.name}.{name}"
        for init in (ROOT / "keras_dvml").glob("*/__init__.py")
        for node in ast.parse(init.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        for name in ast.literal_eval(node.value)
    }
    for path in pipeline_files():
        tree = ast.parse(path.read_text())
        used = {
            ast.unparse(node).replace("kd.", "keras_dvml.", 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and ast.unparse(node.value.value) == "kd"
        }
        for name in used.union(imported_names(path)):
            first, *rest = name.split(".")
            if first == "keras_dvml" and rest and rest[0] not in ANYWHERE:
                allowed = listed | ALSO_TAKEN
                assert ".".join(rest) in allowed, f"{path} uses {name}"
