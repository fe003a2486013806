"""What tests of several rooms share."""

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np
import psutil
import pytest

# Neither Keras nor TensorFlow is imported here: the process that only deals
# out tests to others would wait for it.

ROOT = pathlib.Path(__file__).parent.parent

# Before TensorFlow is imported: its start-up lines say nothing about us.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # As many processes as processors: more threads would only wait. Those
    # between operations stay, since one that waits for another process must
    # not keep that one's answer from being read.
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"

# What an environment cannot run is not collected there.
NEEDS = {
    "tfx": ["pipelines", "test_papers.py"],
    "tensorflow_addons": [
        "losses/test_parity_with_addons.py",
        "models/test_third_party_losses.py",
    ],
    "tensorflow_similarity": ["losses/test_parity_with_similarity.py"],
}
collect_ignore = [
    path
    for package, paths in NEEDS.items()
    if importlib.util.find_spec(package) is None
    for path in paths
]


# What takes longest is begun first, or one process would wait for the other.
LONGEST = [
    "tests/pipelines",
    "tests/test_readme.py",
    "tests/serving",
    "tests/models",
    "tests/training",
    "tests/losses",
]


def pytest_configure(config):
    """Gives the tests a temporary folder that goes with what they leave in it.

    Processes that are killed, as by tests, leave their temporary files.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        # It has the folder from the process that deals out the tests.
        return
    folder = tempfile.mkdtemp(prefix="keras_dvml-tests-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


# What asks little of Keras: on Keras 2, `make test-all` alone runs it.
ON_TOP = [
    "tests/benchmarks",
    "tests/clustering",
    "tests/console",
    "tests/evaluation",
    "tests/index",
    "tests/reports",
    "tests/server",
    "tests/test_docstrings.py",
    "tests/test_readme.py",
]
IS_KERAS_2 = importlib.metadata.version("keras").startswith("2.")


# Before pytest leaves out what is slow.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.sort(key=place_in_order)
    for item in items:
        if IS_KERAS_2 and item.location[0].startswith(tuple(ON_TOP)):
            item.add_marker(pytest.mark.slow)


def place_in_order(item):
    for place, folder in enumerate(LONGEST):
        if item.location[0].startswith(folder):
            return place
    return len(LONGEST)


def pytest_xdist_make_scheduler(config, log):
    """Keeps the tests of a file in one process, and files of a group, too.

    Files that share a costly fixture of the session are a group: each says
    `pytestmark = pytest.mark.xdist_group("its name")`. `--dist loadgroup` is
    blind to that on pytest 9.2, and would scatter the tests of other files.
    """
    from xdist.scheduler import LoadFileScheduling

    class LoadGroupsOfFiles(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return group_of(super()._split_scope(nodeid))

    return LoadGroupsOfFiles(config, log)


@functools.cache
def group_of(path):
    found = re.search(r'xdist_group\("(.*?)"\)', (ROOT / path).read_text())
    return found[1] if found else path


# Rooms whose tests hold for any weights. A seed makes TensorFlow forget what it
# has made of all graphs, and so costs most where those are large.
NOT_SEEDED = {
    "clustering",
    "console",
    "data",
    "evaluation",
    "index",
    "losses",
    "miners",
    "ops",
    "reports",
    "server",
    "serving",
}


@pytest.fixture(autouse=True)
def fixed_seed(request):
    room = request.path.relative_to(ROOT / "tests").parts[0]
    if room not in NOT_SEEDED:
        import keras

        keras.utils.set_random_seed(0)


@pytest.fixture
def run_python():
    """Runs code in a new process and returns what it printed."""

    def run(code, *arguments):
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            # Less than a test has: what it waits for is then named.
            timeout=580,
            cwd=ROOT,
        )
        assert finished.returncode == 0, finished.stderr[-3000:]
        return finished.stdout

    return run


@pytest.fixture(scope="session")
def serving():
    """Returns the context of a process that serves models, and its answer."""

    @contextlib.contextmanager
    def serve(*arguments):
        process = subprocess.Popen(
            [
                *(sys.executable, "-Wignore", "-m", "keras_dvml", "serve"),
                *("--port=0", "--grpc-port=0", "--json", *map(str, arguments)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            ready = process.stdout.readline()
            assert ready, "the server ended before it was ready"
            yield process, json.loads(ready)
        finally:
            process.terminate()
            process.wait(20)

    return serve


@pytest.fixture(scope="session")
def fork_server():
    script = str(ROOT / "tests" / "fork_server.py")
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    yield server
    # With the process that it may be waiting for.
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()


@pytest.fixture
def run_forked(fork_server, tmp_path_factory):
    """As `run_python`, in seconds less: TensorFlow is imported already."""

    def run(code, *arguments, exit_code=0):
        folder = tmp_path_factory.mktemp("forked")
        request = {
            "code": code,
            "arguments": list(map(str, arguments)),
            "environment": dict(os.environ),
            "stdout": str(folder / "stdout"),
            "stderr": str(folder / "stderr"),
        }
        print(json.dumps(request), file=fork_server.stdin, flush=True)
        try:
            answer = fork_server.stdout.readline()
        except BaseException:
            # Of a test that took too long: later ones must not wait for it.
            for process in psutil.Process(fork_server.pid).children():
                process.kill()
            fork_server.stdout.readline()
            raise
        errors = (folder / "stderr").read_text()
        assert int(answer) == exit_code, errors[-3000:]
        return (folder / "stdout").read_text()

    return run


@pytest.fixture(scope="module")
def browser():
    """Chromium, for pages that are opened as files."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )
    if path is None:
        pytest.fail(
            "Pages are tested in Chromium, which is not installed. Install it "
            "with `apt-get install chromium`, or set CHROMIUM to the path of a "
            "Chromium or Chrome.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tiny_images():
    """40 noisy images of 8 classes, each class a colour of its own."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 5)
    colours = random.integers(40, 215, (8, 1, 1, 3))
    noise = random.integers(-40, 41, (40, 16, 16, 3))
    return (colours[labels] + noise).astype(np.uint8), labels


@pytest.fixture
def tiny_backbone():
    import keras_dvml as kd

    return kd.models.conv_backbone(16, widths=(4, 8))


@pytest.fixture(scope="session")
def write_hub_module():
    """Writes a feature vector of 6 features as TensorFlow Hub has them."""
    import tensorflow as tf

    def write(folder):
        random = np.random.default_rng(0)
        module = tf.train.Checkpoint()
        kernel, offset = module.trainable_variables = [
            tf.Variable(random.normal(0, 0.2, (3, 3, 3, 6)).astype("float32")),
            tf.Variable(tf.zeros(6)),
        ]
        mean = tf.Variable(tf.zeros(6), trainable=False)
        module.variables = [kernel, offset, mean]
        module.regularization_losses = [
            tf.function(lambda: 0.01 * tf.nn.l2_loss(kernel), [])
        ]

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, None, 3]),
                tf.TensorSpec([], tf.bool),
            ]
        )
        def features(images, training):
            convolved = tf.nn.conv2d(images, kernel, 1, "VALID") + offset
            batch_mean = tf.reduce_mean(convolved, axis=[0, 1, 2])
            if training:
                mean.assign(0.9 * mean + 0.1 * batch_mean)
            centre = batch_mean if training else mean
            return tf.reduce_mean(tf.nn.relu(convolved - centre), axis=[1, 2])

        module.__call__ = features
        tf.saved_model.save(module, str(folder))
        return str(folder)

    return write
