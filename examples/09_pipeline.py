"""The TFX pipeline, from a folder to a served search. Under a minute.

What `make demo IMAGES=folder` does, on a small folder, with few steps and
without the methods that it compares with: ingest, validate, train, evaluate,
index, push, report. Needs TFX: run it from a clone with `.venv/bin/python`,
which `make demo` sets up from `requirements/default.txt`.
"""

# %%
import pathlib
import tempfile

import tensorflow as tf

from keras_dvml.data.datasets import load_glyphs
from pipelines import local_runner

tf.get_logger().setLevel("ERROR")
folder = pathlib.Path(tempfile.mkdtemp())
images, labels = load_glyphs(
    "train", config="easy", num_classes=16, images_per_class=10
)
for number, (image, label) in enumerate(zip(images, labels, strict=True)):
    path = folder / "images" / f"{label:03}" / f"{number:03}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(image).numpy())
(path.parent / "broken.png").write_bytes(b"not an image")

# %% [markdown]
# About half of the classes are trained on, the others are evaluated. The
# broken file is set aside. Started again, the run resumes.

# %%
arguments = [
    *("--config", "folder_dvml", "--images", str(folder / "images")),
    *("--workspace", str(folder / "runs")),
    *("--saved-models", str(folder / "saved_models")),
    # Small and from random weights; without these two lines, pretrained.
    *("--set", "train.backbone=conv", "--set", "train.weights="),
    *("--set", "train.image_size=48", "--set", "train.epochs=2"),
    *("--set", "train.steps_per_epoch=5", "--set", "train.num_samples=2"),
    *("--set", "train.release_decoder_at=1"),
    *("--set", "methods=dvml"),
]
status = local_runner.main(arguments)
assert status == 0, "the run says above what went wrong"

# %%
served = tf.saved_model.load(str(folder / "saved_models" / "images" / "1"))
query = tf.io.read_file(str(path))
found = served.signatures["search"](image_bytes=query[None])
for name, score in zip(found["ids"][0], found["scores"][0], strict=True):
    print(f"  {score.numpy():.3f}  {name.numpy().decode()}")
