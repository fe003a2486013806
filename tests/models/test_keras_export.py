"""What Keras itself exports: SavedModel, LiteRT, folders of Keras 2."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.keras_versions import KERAS_3

MODELS = {
    "EmbeddingModel": lambda backbone: kd.models.EmbeddingModel(backbone, 8),
    "DVML": lambda backbone: kd.models.DVML(backbone, 8),
    "UDML": lambda backbone: kd.models.UDML(backbone, 8, rotation_weight=0.1),
    "VariationalUDML": lambda backbone: kd.models.UDML(
        backbone, 8, variational=True
    ),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (3, 16, 16, 3)).astype(np.float32)


@every_model
def test_saved_model_embeds_alike(make, tiny_backbone, tmp_path):
    model = make(tiny_backbone)
    model.export(str(tmp_path / "model"))
    served = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(
        served.serve(images()), model.predict(images(), verbose=0), atol=1e-6
    )


@pytest.mark.skipif(KERAS_3, reason="Keras 3 saves no folders")
@every_model
def test_folder_of_keras_2_comes_back(make, tiny_backbone, tmp_path):
    model = make(tiny_backbone)
    model.save(tmp_path / "model")
    loaded = keras.models.load_model(tmp_path / "model")
    np.testing.assert_allclose(
        loaded.predict(images(), verbose=0),
        model.predict(images(), verbose=0),
        atol=1e-6,
    )


@pytest.mark.skipif(not KERAS_3, reason="Keras 2 exports SavedModels alone")
@every_model
def test_litert_embeds_alike(make, tiny_backbone, tmp_path):
    model = make(tiny_backbone)
    path = str(tmp_path / "model.tflite")
    model.export(path, format="litert")
    interpreter = tf.lite.Interpreter(path)
    (read,) = interpreter.get_input_details()
    (written,) = interpreter.get_output_details()
    interpreter.resize_tensor_input(read["index"], (3, 16, 16, 3))
    interpreter.allocate_tensors()
    interpreter.set_tensor(read["index"], images())
    interpreter.invoke()
    np.testing.assert_allclose(
        interpreter.get_tensor(written["index"]),
        model.predict(images(), verbose=0),
        atol=1e-5,
    )


def test_model_is_still_saved_and_loaded_after_an_export(
    tiny_backbone, tmp_path
):
    model = MODELS["DVML"](tiny_backbone)
    model.export(str(tmp_path / "model"))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(images(), verbose=0), model.predict(images(), verbose=0)
    )
