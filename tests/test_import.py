"""What `import keras_dvml` costs and says."""

import re
import subprocess
import sys


def test_import_adds_less_than_half_a_second_to_tensorflow():
    finished = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-X", "importtime", "-c"),
            "import tensorflow, keras_dvml",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # "import time: self [us] | cumulative | package"; keras_dvml comes after
    # tensorflow, so its cumulative time is what it adds.
    found = re.search(r"\|\s+(\d+) \| keras_dvml\n", finished.stderr)
    assert int(found[1]) < 500_000


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


def test_unknown_room_is_an_attribute_error(run_forked):
    code = """
import keras_dvml
try:
    keras_dvml.kitchen
except AttributeError as error:
    print(error)
"""
    assert "kitchen" in run_forked(code)
