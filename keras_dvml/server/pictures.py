"""The pictures of the galleries, where they can be found, and thumbnails."""

import collections
import os
import random
import threading
from typing import TYPE_CHECKING

from keras_dvml.reports.thumbnails import thumbnail_jpeg
from keras_dvml.serving.changed_versions import read_changes

if TYPE_CHECKING:
    from keras_dvml.serving import Published

_SIZE = 160
_MOST_THUMBNAILS = 20_000
_NUM_SAMPLED = 60


class Pictures:
    """Pictures by their ids.

    Args:
        root: Folder that ids are paths from; `None` where nobody knows it.
            Nothing outside of it is read, but for what was added by
            `keras-dvml add`, whose paths the model has.
    """

    def __init__(self, root: str | None) -> None:
        self._root = root and os.path.realpath(root)
        self._thumbnails: collections.OrderedDict = collections.OrderedDict()
        self._lock = threading.Lock()
        self._last = "", (set(), {})

    def sample(self, published: "Published") -> list[str]:
        """Returns ids of a gallery, drawn at random."""
        names, _ = self._known(published)
        return random.sample(sorted(names), min(_NUM_SAMPLED, len(names)))

    def read(
        self, published: "Published", name: str, as_thumbnail: bool = True
    ) -> bytes:
        """Returns a picture of a gallery.

        Raises:
            FileNotFoundError: If the gallery has no such id, or its picture
                cannot be found.
        """
        path = self._path(published, name)
        if not as_thumbnail:
            with open(path, "rb") as file:
                return file.read()
        with self._lock:
            if path in self._thumbnails:
                self._thumbnails.move_to_end(path)
                return self._thumbnails[path]
        with open(path, "rb") as file:
            thumbnail = thumbnail_jpeg(file.read(), _SIZE)
        with self._lock:
            self._thumbnails[path] = thumbnail
            if len(self._thumbnails) > _MOST_THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return thumbnail

    def _path(self, published, name):
        names, added = self._known(published)
        if name in names:
            if name in added:
                return added[name]
            if self._root:
                path = os.path.realpath(os.path.join(self._root, name))
                inside = os.path.commonpath([path, self._root]) == self._root
                if inside and os.path.isfile(path):
                    return path
        raise FileNotFoundError(f"there is no picture of {name!r}")

    def _known(self, published):
        """Returns the ids of a gallery, and the paths of what was added."""
        with self._lock:
            folder, known = self._last
            if folder != published.folder:
                index = published.index
                names = set() if index is None else set(index.ids.tolist())
                known = names, read_changes(published.folder)["added"]
                self._last = published.folder, known
        return known
