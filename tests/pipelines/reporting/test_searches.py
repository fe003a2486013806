import numpy as np
import pytest

import keras_dvml as kd
from pipelines.reporting.searches import class_name

pytestmark = pytest.mark.pipeline


def test_image_without_label_goes_by_its_path_below_the_folder():
    # Folders of a camera, or of an icon set, repeat the names of files.
    images = kd.data.EncodedImages(
        image_bytes=[b"", b""],
        labels=None,
        label_names=np.asarray(["", ""]),
        ids=np.asarray(["birds/robin/IMG_1.png", "birds/wren/IMG_1.png"]),
    )
    assert class_name(images, 0) == "birds/robin/IMG_1.png"
    assert class_name(images, 1) == "birds/wren/IMG_1.png"
