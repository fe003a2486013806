"""Small archives in the file layout of CUB-200-2011, Cars196 and SOP.

Each function takes the folder to write to and the JPEG files of each class, in
the order of the classes, and returns image id -> JPEG file.
"""

import io
import tarfile
import zipfile

import numpy as np
import scipy.io
from PIL import Image


def draw_classes(num_classes, images_per_class, size=24, seed=0):
    """Returns a list of JPEG files for each class, of a colour of its own."""
    random = np.random.default_rng(seed)
    colors = random.integers(40, 216, (num_classes, 1, 1, 3))

    def jpeg(color):
        noise = random.integers(-30, 30, (size, size + 8, 3))
        buffer = io.BytesIO()
        Image.fromarray((color + noise).astype(np.uint8)).save(buffer, "JPEG")
        return buffer.getvalue()

    return [[jpeg(color) for _ in range(images_per_class)] for color in colors]


def write_cub(folder, classes):
    """Writes CUB_200_2011.tgz."""
    files, names, paths, labels = {}, [], [], []
    for number, images in enumerate(classes, 1):
        name = f"{number:03d}.Bird_{number}"
        names.append(f"{number} {name}")
        for i, image in enumerate(images):
            path = f"{name}/Bird_{number}_{i:04d}.jpg"
            files[path] = image
            paths.append(f"{len(files)} {path}")
            labels.append(f"{len(files)} {number}")
    with tarfile.open(folder / "CUB_200_2011.tgz", "w:gz") as archive:
        _add(archive, "attributes.txt", b"1 has_bill_shape::curved\n")
        # Some lists follow the images in the real one too.
        _add(archive, "CUB_200_2011/images.txt", _lines(paths))
        for path, image in files.items():
            _add(archive, f"CUB_200_2011/images/{path}", image)
        for name, lines in (
            ("image_class_labels.txt", labels),
            ("classes.txt", names),
            ("train_test_split.txt", ["1 0"]),
        ):
            _add(archive, f"CUB_200_2011/{name}", _lines(lines))
    return files


def write_cars(folder, classes):
    """Writes car_ims.tgz and cars_annos.mat."""
    files, rows = {}, []
    for number, images in enumerate(classes, 1):
        for image in images:
            file_name = f"{len(files) + 1:06d}.jpg"
            files[file_name] = image
            rows.append((f"car_ims/{file_name}", 1, 2, 30, 20, number, 0))
    fields = ("relative_im_path", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
    annotations = np.array(
        rows, dtype=[(name, object) for name in (*fields, "class", "test")]
    )
    names = [f"Maker Model {n} 2012" for n in range(1, len(classes) + 1)]
    scipy.io.savemat(
        folder / "cars_annos.mat",
        {
            "annotations": annotations[None],
            "class_names": np.array([names], dtype=object),
        },
    )
    with tarfile.open(folder / "car_ims.tgz", "w:gz") as archive:
        for file_name, image in files.items():
            _add(archive, f"car_ims/{file_name}", image)
    return files


def write_products(folder, classes):
    """Writes Stanford_Online_Products.zip, the first half to train on."""
    files = {}
    header = "image_id class_id super_class_id path"
    lists = {"train": [header], "test": [header]}
    for number, images in enumerate(classes, 1):
        split = "train" if number <= len(classes) / 2 else "test"
        for i, image in enumerate(images):
            path = f"bicycle_final/{111085122870 + number}_{i}.JPG"
            files[path] = image
            lists[split].append(f"{len(files)} {number} 1 {path}")
    with zipfile.ZipFile(
        folder / "Stanford_Online_Products.zip", "w"
    ) as archive:
        root = "Stanford_Online_Products"
        for split, lines in lists.items():
            archive.writestr(f"{root}/Ebay_{split}.txt", _lines(lines))
        archive.writestr(f"{root}/Ebay_info.txt", header)
        for path, image in files.items():
            archive.writestr(f"{root}/{path}", image)
    return files


def _lines(lines):
    return "".join(f"{line}\n" for line in lines).encode()


def _add(archive, path, content):
    info = tarfile.TarInfo(path)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
