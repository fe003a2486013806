"""`keras-dvml serve`: what it answers, refuses, takes up and ends with."""

import base64
import concurrent.futures
import errno
import json
import shutil
import signal
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

for package in ("click", "starlette", "uvicorn", "prometheus_client"):
    pytest.importorskip(package, reason="the extra `serve` is not installed")


def png(number):
    random = np.random.default_rng(number)
    pixels = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return tf.io.encode_png(pixels).numpy()


NAMES = [f"birds/{number:02} é.png" for number in range(30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, and a model of them in `saved_models/birds`."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "images" / "birds").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (folder / "images" / name).write_bytes(png(number))
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
    pixels = [kd.data.decode_image(png(i), 16) for i in range(30)]
    embeddings = model.predict(np.stack(pixels), verbose=0)
    index = kd.index.ExactIndex.build(embeddings, NAMES)
    base_dir = folder / "saved_models" / "birds"
    kd.serving.export(model, base_dir, index, k=5, match_threshold=0.9)
    (folder / "outside.png").write_bytes(png(0))
    return folder


@pytest.fixture(scope="module")
def url(folder, serving):
    images = f"--images={folder / 'images'}"
    with serving(folder / "saved_models", images) as (_, ready):
        assert ready["models"] == ["birds"] and ready["warm_up_requests"] == 6
        yield ready["url"]


def ask(url, request=None, token=None):
    """Returns status and content, of JSON what it holds."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    data = None if request is None else json.dumps(request).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, headers), timeout=60
        ) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    try:
        return status, json.loads(content)
    except ValueError:
        return status, content


def search(url, *contents, signature="search"):
    images = [{"b64": base64.b64encode(one).decode()} for one in contents]
    request = {"signature_name": signature, "instances": images}
    return ask(f"{url}/v1/models/birds:predict", request)


def test_each_row_of_a_request_has_its_outcome(url):
    status, answer = search(url, png(3), b"rubbish", signature="search_each")
    good, bad = answer["predictions"]
    assert status == 200 and good["ids"][0] == NAMES[3]
    assert good["status"] == "OK" and "not an image" in bad["status"]
    assert bad["ids"] == [""] * 5 and bad["scores"] == [0] * 5
    assert search(url, png(3), b"rubbish")[0] == 400


def test_requests_that_are_too_much_are_refused(url):
    status, answer = search(url, *[png(0)] * 1025)
    assert (
        status == 400 and "at most 1024 rows; received 1025" in answer["error"]
    )
    status, answer = search(url, b"\0" * (50 << 20))
    assert status == 413 and "at most 67,108,864 bytes" in answer["error"]
    assert search(url, png(1))[0] == 200


def test_health_and_metrics_are_told(url):
    search(url, png(0)), search(url, b"rubbish")
    assert ask(f"{url}/health") == (200, {"status": "ok"})
    metrics = ask(f"{url}/metrics")[1].decode()
    for status in (200, 400):
        labels = f'model="birds",signature="search",status="{status}"'
        assert f"keras_dvml_requests_total{{{labels}}}" in metrics


def test_page_has_what_it_shows(url, folder):
    status, page = ask(url)
    assert status == 200 and b"Search with a picture" in page
    assert b"http" not in page.replace(b"https", b"")
    (model,) = ask(f"{url}/models")[1]["models"]
    assert (model["name"], model["k"], model["version"]) == ("birds", 5, 1)
    ids = ask(f"{url}/sample/birds")[1]["ids"]
    assert sorted(ids) == NAMES
    place = f"{url}/pictures/birds/{urllib.parse.quote(NAMES[4])}"
    assert ask(place + "?full") == (200, png(4))
    assert ask(place)[1][:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "name",
    ["../outside.png", "..%2Foutside.png", "ghost.png", "%2Fetc%2Fpasswd"],
)
def test_nothing_but_the_gallery_is_read(url, name):
    assert ask(f"{url}/pictures/birds/{name}?full")[0] == 404


def test_token_is_asked_for(folder, serving):
    with serving(folder / "saved_models", "--token=secret") as (_, ready):
        url = ready["url"]
        model = f"{url}/v1/models/birds"
        for path in (model, f"{url}/models", f"{url}/metrics"):
            assert ask(path)[0] == ask(path, token="wrong")[0] == 401
            assert ask(path, token="secret")[0] == 200
        assert search(url, png(0))[0] == 401
        assert ask(f"{url}/health")[0] == 200
        if ready["grpc_address"]:
            assert grpc_code(ready["grpc_address"]) == "UNAUTHENTICATED"
            assert grpc_code(ready["grpc_address"], "secret") == "OK"


def grpc_code(address, token=None):
    import grpc
    from tensorflow_serving.apis import (
        get_model_status_pb2,
        model_service_pb2_grpc,
    )

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "birds"
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(address) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        try:
            stub.GetModelStatus(request, metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def test_newer_version_is_taken_up_and_sigterm_loses_no_request(
    folder, tmp_path, serving
):
    base_dir = tmp_path / "birds"
    shutil.copytree(folder / "saved_models" / "birds", base_dir)
    statuses, stop = [], threading.Event()
    with serving(base_dir) as (process, ready):
        url = ready["url"]

        def keep_searching(number):
            while not stop.is_set():
                try:
                    status, answer = search(url, png(number))
                except urllib.error.URLError:
                    # It has ended: not one that it had taken.
                    return
                except ConnectionResetError as error:
                    # Nor is one that still waited to be taken.
                    if error.errno != errno.ECONNRESET:
                        raise
                    return
                right = status == 200 and (
                    answer["predictions"][0]["ids"][0] == NAMES[number]
                )
                statuses.append(right)

        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            running_clients = [
                clients.submit(keep_searching, number) for number in range(4)
            ]
            kd.serving.publish(base_dir / "1", base_dir)
            until = time.monotonic() + 60
            while ask(f"{url}/models")[1]["models"][0]["version"] != 2:
                assert time.monotonic() < until
                time.sleep(0.2)
            assert ask(f"{url}/v1/models/birds/versions/1")[0] == 404
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGTERM)
            stop.set()
            for client in running_clients:
                client.result()
    assert len(statuses) > 4 and all(statuses)


def test_command_asks_a_server_of_this_machine(url, folder, run_python):
    code = """
import sys
sys.modules["tensorflow"] = None
from keras_dvml.console import main
sys.argv[0] = "keras-dvml"
main()
"""
    image = folder / "images" / NAMES[7]
    model = folder / "saved_models" / "birds"
    printed = run_python(code, "search", model, image, "-k3", "--json")
    (found,) = json.loads(printed)
    assert found["neighbours"][0]["id"] == NAMES[7]
    assert found["neighbours"][0]["is_match"]
    assert len(found["neighbours"]) == 3


def test_paths_without_models_are_named(tmp_path):
    from click.testing import CliRunner

    from keras_dvml.console.commands import commands

    result = CliRunner().invoke(commands, ["serve", str(tmp_path)])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "must be folders of published models" in line


def dropped(page, name, content, kind="image/png"):
    """Drops a file onto the page."""
    page.evaluate(
        """([name, content, kind]) => {
          const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, {type: kind}));
          dispatchEvent(new DragEvent("drop", {dataTransfer: transfer}));
        }""",
        [name, base64.b64encode(content).decode(), kind],
    )


@pytest.mark.slow
def test_page_searches_goes_on_and_back(folder, browser, serving):
    # The page's policy forbids the functions that Playwright could wait for.
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    images = f"--images={folder / 'images'}"
    with serving(folder / "saved_models", images) as (process, ready):
        page = browser.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(error))
        page.goto(ready["url"])
        heading, message = page.locator("#heading"), page.locator("#message")
        tiles = page.locator("#pictures > *")
        names = page.locator("#pictures .name")
        names.first.wait_for()
        assert names.count() == 30
        dropped(page, "mine.png", png(5))
        expect(tiles).to_have_count(5)
        assert heading.inner_text() == "Most similar to mine.png"
        assert NAMES[5] in names.first.inner_text()
        assert page.locator("li.match").count() >= 1
        second = names.nth(1).inner_text()
        page.locator("#pictures button").nth(1).click()
        expect(heading).to_contain_text("birds/")
        expect(message).to_have_text("")
        assert names.first.inner_text() == second
        page.go_back()
        expect(heading).to_contain_text("mine.png")
        page.fill("#k", "2")
        page.locator("#k").dispatch_event("change")
        expect(tiles).to_have_count(2)
        dropped(page, "notes.txt", b"text", "text/plain")
        assert message.inner_text() == "notes.txt is no picture."
        dropped(page, "broken.png", b"no image")
        expect(message).to_contain_text("an image must")
        process.kill()
        process.wait()
        dropped(page, "mine.png", png(5))
        expect(message).to_contain_text("not answer")
        assert not problems
        page.close()
