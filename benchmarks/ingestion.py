"""Images a second and memory of the ingestion step, over its number of images.

    python benchmarks/ingestion.py
    python benchmarks/ingestion.py --sizes 1000 4000 --source manifest

Cost: with the default sizes four minutes on 2 CPU cores and 400 MB of disk;
the second command two.

Writes N small JPEG files of 100 classes and runs ImageExampleGen on them as
the pipeline does, each N in a process of its own. A row has the images a second
of the step, without the imports and the start of TFX; the most memory that the
process took; and how much of it came after the imports. Processor seconds are
those of all threads, which other work on the machine hardly touches; of several
rounds a row shows the one with the fewest. Linear means that images a second
stay the same, flat that the memory does: what grows with N are names on their
way through Beam, 2.5 KB a file when measured.

`--shuffled` writes through TFX' own step, which shuffles the images, for
comparison.
"""

import argparse
import dataclasses
import io
import itertools
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import figures
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUM_CLASSES = 100
# Up to this growth of what one more image costs, time is called linear.
LINEAR = 1.2
# Pixels of a side; some 4 KB as a JPEG file of noise.
SIDE = 64


def write_images(folder, num_images):
    """Writes a sub-folder a class, and a manifest beside them."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    rows = []
    for number in range(num_images):
        name = f"class_{number % NUM_CLASSES:03d}"
        (folder / name).mkdir(exist_ok=True)
        # No two files alike, and none that takes long to make.
        pixels[0, 0] = number % 256, number // 256 % 256, number // 65536
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
        (folder / name / f"{number}.jpg").write_bytes(buffer.getvalue())
        rows.append(f"{name}/{number}.jpg,{name}\n")
    (folder / "images.csv").write_text("path,label\n" + "".join(rows))


def measure(images, source, shuffled):
    """Prints processor seconds, seconds, peak and earlier MiB as JSON."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    from pipelines.configs import IngestConfig
    from pipelines.ingestion import image_example_gen

    if shuffled:
        _write_as_tfx_does(image_example_gen)
    path = images / "images.csv" if source == "manifest" else images
    ingest = IngestConfig(**{source: str(path)})
    with tempfile.TemporaryDirectory() as root:
        step = image_example_gen.ImageExampleGen(
            ingest=json.dumps(dataclasses.asdict(ingest))
        )
        pipeline = Pipeline(
            pipeline_name="ingestion",
            pipeline_root=root,
            components=[step],
            metadata_connection_config=(
                metadata.sqlite_metadata_connection_config(
                    os.path.join(root, "metadata.db")
                )
            ),
            beam_pipeline_args=["--runner=FnApiRunner"],
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, processor_start = time.perf_counter(), time.process_time()
        LocalDagRunner().run(pipeline)
        seconds = time.perf_counter() - start
        processor_seconds = time.process_time() - processor_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([processor_seconds, seconds, peak / 1024, before / 1024]))


def measure_apart(size, source, shuffled):
    """Returns what `measure` prints in a process of its own, on new images."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(pathlib.Path(folder), size)
        command = [sys.executable, "-W", "ignore", __file__]
        command += ["--in-process", folder, "--source", source]
        command += ["--shuffled"] * shuffled
        finished = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    if finished.returncode:
        sys.exit(f"{size:,} images: {finished.stderr[-3000:]}")
    return json.loads(finished.stdout.splitlines()[-1])


def _write_as_tfx_does(image_example_gen):
    """Puts TFX' own shuffle before the files are written."""
    import apache_beam as beam

    write = image_example_gen.beam.io.WriteToTFRecord

    def shuffle_and_write(*arguments, **options):
        return _ShuffleAndWrite(write(*arguments, **options))

    class _ShuffleAndWrite(beam.PTransform):
        def __init__(self, writing):
            super().__init__()
            self._writing = writing

        def expand(self, records):
            return records | beam.Reshuffle() | self._writing

    image_example_gen.beam.io.WriteToTFRecord = shuffle_and_write


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[5_000, 20_000, 40_000]
    )
    parser.add_argument(
        "--source", choices=("folder", "manifest"), default="folder"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--in-process", help=argparse.SUPPRESS)
    figures.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.in_process:
        folder = pathlib.Path(arguments.in_process)
        measure(folder, arguments.source, arguments.shuffled)
        return
    record = figures.Record(arguments.json)
    record.header(
        *("images", "seconds", "images/s", "processor s", "peak MiB"),
        "of that in the step",
    )
    best = {}
    for _ in range(arguments.rounds):
        for size in arguments.sizes:
            taken = measure_apart(size, arguments.source, arguments.shuffled)
            # Other work on the machine only ever adds.
            best[size] = min(best.get(size, taken), taken)
    for size, (processor_seconds, seconds, peak, before) in best.items():
        record.row(
            *(f"{size:,}", f"{seconds:.1f}", f"{size / seconds:,.0f}"),
            *(f"{processor_seconds:.1f}", f"{peak:,.0f}"),
            f"{peak - before:,.0f}",
        )
    processor_times = [
        processor_seconds for processor_seconds, *_ in best.values()
    ]
    # Of small sets, the start of TFX says more than the images.
    if len(arguments.sizes) > 2 and arguments.sizes[0] >= 5_000:
        add_growth(record, arguments.sizes, processor_times)
    record.save()


def add_growth(record, sizes, processor_times):
    """Adds what an image more costs at the end, beside what it cost before.

    The start of TFX, whatever the size, is in neither.
    """
    earlier, later = (
        1e6 * (two[1] - one[1]) / (two[0] - one[0])
        for one, two in itertools.pairwise(
            list(zip(sizes, processor_times, strict=True))[-3:]
        )
    )
    record.figure(
        "processor time of one more image, beside that of a smaller set",
        f"up to {sizes[-1]:,} images",
        later,
        floor=earlier,
        unit="us",
        against="floor",
        bar=LINEAR,
    )


if __name__ == "__main__":
    main()
