"""`keras-dvml serve` under bad input and under load."""

import base64
import concurrent.futures
import io
import json
import struct
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_dvml as kd

NUM_CLIENTS = 8

pytestmark = pytest.mark.xdist_group("served model")


def search(url, image_bytes):
    """Returns status and content of the answer to a search."""
    request = {
        "signature_name": "search",
        "instances": [{"b64": base64.b64encode(image_bytes).decode()}],
    }
    data = json.dumps(request).encode()
    try:
        with urllib.request.urlopen(url + ":predict", data, 60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def assert_goes_on(served):
    name, image_bytes = next(iter(served.files.items()))
    status, answer = search(served.url, image_bytes)
    assert status == 200 and answer["predictions"][0]["ids"][0] == name


def memory_in_mb(served):
    return served.process.memory_info().rss / 1e6


def encoded(kind, random):
    pixels = random.integers(0, 256, (24, 24, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def corrupted(image_bytes, random):
    """Flips, drops, doubles or cuts off some bytes."""
    data = bytearray(image_bytes)
    place = int(random.integers(0, len(data)))
    length = int(random.integers(1, 40))
    match random.integers(0, 4):
        case 0:
            for at in random.integers(0, len(data), length):
                data[at] ^= int(random.integers(1, 256))
        case 1:
            del data[place : place + length]
        case 2:
            data[place:place] = data[place : place + length]
        case 3:
            del data[place:]
    return bytes(data)


def test_exactly_the_corrupt_images_are_refused(served):
    random = np.random.default_rng(0)
    num_refused = 0
    for number in range(200):
        kind = ("PNG", "JPEG", "GIF", "BMP")[number % 4]
        image_bytes = corrupted(encoded(kind, random), random)
        try:
            # Some can be read all the same.
            kd.data.check_image(image_bytes)
            expected = 200
        except ValueError:
            expected = 400
        status, answer = search(served.url, image_bytes)
        assert status == expected, (number, kind, answer)
        num_refused += status == 400
    assert num_refused > 100
    assert_goes_on(served)


def bombs():
    """Small files that decode to 400 MB and far more."""
    random = np.random.default_rng(0)
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    yield file.getvalue()
    jpeg = encoded("JPEG", random)
    place = jpeg.index(b"\xff\xc0") + 5
    yield jpeg[:place] + struct.pack(">HH", 65_000, 65_000) + jpeg[place + 4 :]
    gif = encoded("GIF", random)
    yield gif[:6] + struct.pack("<HH", 65_000, 65_000) + gif[10:]
    bmp = encoded("BMP", random)
    yield bmp[:18] + struct.pack("<ii", 1 << 20, -(1 << 20)) + bmp[26:]


def test_decompression_bombs_are_refused_and_take_no_memory(served):
    before = memory_in_mb(served)
    for bomb in bombs():
        assert len(bomb) < 100_000
        status, answer = search(served.url, bomb)
        assert status == 400 and "64000000 pixels" in answer["error"]
    assert memory_in_mb(served) - before < 50
    assert_goes_on(served)


def test_huge_and_hostile_bytes_are_refused(served):
    hostile = [
        b"",
        b"\0" * 5_000_000,
        b"\xff\xd8\xff" * 100_000,
        b"BM" * 1000,
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 1000,
        # Blocks of a GIF without an end, were they followed in a circle.
        b"GIF89a" + bytes(7) + b"!\xff\xff" * 100_000,
        b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 100,
        "é".encode() * 100,
    ]
    for image_bytes in hostile:
        status, answer = search(served.url, image_bytes)
        assert status == 400 and answer["error"]
    assert_goes_on(served)


def keep_searching(served, until, seed, hostile_share=0.0):
    """Returns how many requests were sent and how many answered rightly."""
    random = np.random.default_rng(seed)
    names = list(served.files)
    right, _ = served.index.search(served.embeddings, k=3)
    num_sent = num_right = 0
    while time.monotonic() < until:
        number = random.integers(len(names))
        image_bytes = served.files[names[number]]
        is_hostile = random.random() < hostile_share
        if is_hostile:
            image_bytes = image_bytes[: random.integers(0, 40)]
        num_sent += 1
        status, answer = search(served.url, image_bytes)
        if is_hostile:
            num_right += status == 400
        else:
            # As the one that is asked alone, and not another client's.
            num_right += status == 200 and (
                answer["predictions"][0]["ids"] == right[number].tolist()
            )
    return num_sent, num_right


def search_with_all_clients(served, seconds, hostile_share=0.0):
    until = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(NUM_CLIENTS) as clients:
        counts = clients.map(
            lambda seed: keep_searching(served, until, seed, hostile_share),
            range(NUM_CLIENTS),
        )
        return np.sum(list(counts), axis=0)


@pytest.mark.slow
def test_concurrent_clients_lose_no_request_and_memory_does_not_grow(served):
    search_with_all_clients(served, 2)
    before = memory_in_mb(served)
    # A third of the requests is hostile.
    num_sent, num_right = search_with_all_clients(served, 60, 1 / 3)
    assert num_sent == num_right > NUM_CLIENTS
    # Threads come and go with their stacks; a leak of a request's 2 KB would
    # be more over the thousands of a minute.
    assert memory_in_mb(served) - before < 20


def test_bad_requests_among_good_ones_disturb_none(served):
    stop = threading.Event()
    statuses = []

    def disturb():
        while not stop.is_set():
            statuses.append(search(served.url, b"no image")[0])

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        num_sent, num_right = search_with_all_clients(served, 2)
    finally:
        stop.set()
        disturber.join()
    assert num_sent == num_right and set(statuses) == {400}


def test_batches_equal_single_requests(served):
    loaded = tf.saved_model.load(served.folder)
    files = tf.constant(list(served.files.values()))
    for name in ("embed", "search"):
        signature = loaded.signatures[name]
        together = signature(image_bytes=files)
        alone = [signature(image_bytes=file[None]) for file in files]
        for key, value in together.items():
            single = tf.concat([outputs[key] for outputs in alone], axis=0)
            if value.dtype == tf.float32:
                np.testing.assert_allclose(value, single, atol=1e-5)
            else:
                np.testing.assert_array_equal(value, single)
