"""TensorFlow's folders in memory, `ram://`, for Beam: an object store to it."""

import tensorflow as tf
from apache_beam.io.filesystem import FileMetadata, FileSystem


class RamFileSystem(FileSystem):
    """Found by its scheme, as soon as there is the class."""

    @classmethod
    def scheme(cls):
        return "ram"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        folder, _, name = path.rpartition("/")
        return folder, name

    def has_dirs(self):
        return True

    def mkdirs(self, path):
        tf.io.gfile.makedirs(path)

    def _list(self, dir_or_prefix):
        for folder, _, names in tf.io.gfile.walk(dir_or_prefix.rstrip("/")):
            for name in names:
                yield self.metadata(self.join(folder, name))

    def create(self, path, *_, **__):
        return tf.io.gfile.GFile(path, "wb")

    def open(self, path, *_, **__):
        return tf.io.gfile.GFile(path, "rb")

    def copy(self, source_file_names, destination_file_names):
        for pair in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.copy(*pair, overwrite=True)

    def rename(self, source_file_names, destination_file_names):
        for pair in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.rename(*pair, overwrite=True)

    def exists(self, path):
        return tf.io.gfile.exists(path)

    def size(self, path):
        return tf.io.gfile.stat(path).length

    def last_updated(self, path):
        return tf.io.gfile.stat(path).mtime_nsec / 1e9

    def metadata(self, path):
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths):
        for path in paths:
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)
