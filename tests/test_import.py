"""What `import keras_dvml` costs and says."""


def test_import_adds_less_than_half_a_second_to_tensorflow(run_forked):
    # Of this process alone: what others do meanwhile is not counted.
    code = """
import time
import tensorflow
begin = time.process_time()
import keras_dvml
print(time.process_time() - begin)
"""
    assert float(run_forked(code)) < 0.5


def test_import_prints_nothing_and_needs_no_optional_package(run_forked):
    code = """
import sys
# None in sys.modules makes an import fail as if the package were absent.
for name in ("scann", "faiss", "tfx", "apache_beam", "tensorflow_addons",
             "tensorflow_similarity", "tensorflow_datasets", "matplotlib",
             "PIL", "umap"):
    sys.modules[name] = None
import keras_dvml
for room in keras_dvml.__all__:
    getattr(keras_dvml, room)
"""
    assert run_forked(code) == ""


def test_rooms_list_their_classes_and_functions(run_forked):
    code = """
import types
import keras_dvml
assert dir(keras_dvml) == sorted(keras_dvml.__all__)
for name in keras_dvml.__all__:
    room = getattr(keras_dvml, name)
    if isinstance(room, types.ModuleType):
        print(name)
        assert dir(room) == sorted(room.__all__)
        for public in room.__all__:
            assert not isinstance(getattr(room, public), types.ModuleType)
"""
    assert len(run_forked(code).split()) == 12


def test_unknown_room_is_an_attribute_error(run_forked):
    code = """
import keras_dvml
try:
    keras_dvml.kitchen
except AttributeError as error:
    print(error)
"""
    assert "kitchen" in run_forked(code)
