"""The models that are served, each in its newest version."""

import logging
import os
import threading
from collections.abc import Iterable

from keras_dvml.server.served_model import ServedModel
from keras_dvml.serving.versions import versions_of

logger = logging.getLogger(__name__)


class UnknownModelError(Exception):
    """What is answered with NOT_FOUND, or HTTP status 404."""


class Models:
    """Loads the newest version of each model, and each newer one.

    A request keeps to the version that it began with: the old one goes when
    its last request is answered.

    Args:
        paths: Folders of a model's versions, or folders of such folders.

    Raises:
        ValueError: If there is no model, or two have the same name.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._base_dirs: dict[str, str] = {}
        for base_dir in _base_dirs(paths):
            name = os.path.basename(base_dir)
            if self._base_dirs.setdefault(name, base_dir) != base_dir:
                raise ValueError(
                    f"models must have different names; received {base_dir} "
                    f"and {self._base_dirs[name]}"
                )
        self._served: dict[str, ServedModel] = {}
        self._failed: set[tuple[str, int]] = set()
        self._stopped = threading.Event()
        self.refresh(is_first=True)

    @property
    def base_dirs(self) -> dict[str, str]:
        """The folder of the versions of each model served, by its name."""
        return {name: self._base_dirs[name] for name in self._served}

    def get(self, name: str, version: int | None = None) -> ServedModel:
        """Returns a model, `version` if given.

        Raises:
            UnknownModelError: If that is not served.
        """
        served = self._served.get(name)
        if served is None or version not in (None, served.version):
            asked = name if version is None else f"{name}, version {version}"
            raise UnknownModelError(f"Servable not found for request: {asked}")
        return served

    def refresh(self, is_first: bool = False) -> None:
        """Takes up versions that are newer than those that are served.

        One that cannot be loaded is logged, once, and the one before it goes
        on being served.

        Args:
            is_first: Whether it is an error if none can be loaded.
        """
        for name, base_dir in self._base_dirs.items():
            versions = versions_of(base_dir)
            served = self._served.get(name)
            if not versions or (name, versions[-1]) in self._failed:
                continue
            if served is not None and served.version == versions[-1]:
                continue
            folder = os.path.join(base_dir, str(versions[-1]))
            try:
                # In the place of the old one when it is warm.
                self._served[name] = ServedModel(folder)
            except Exception as error:
                if is_first and len(self._base_dirs) == 1:
                    raise
                logger.warning("%s cannot be served: %s", folder, error)
                self._failed.add((name, versions[-1]))
            else:
                logger.info("Serving %s", folder)

    def watch(self, seconds: float) -> None:
        """Looks for newer versions in a thread, until `stop` is called."""

        def look() -> None:
            while not self._stopped.wait(seconds):
                self.refresh()

        threading.Thread(target=look, daemon=True).start()

    def stop(self) -> None:
        """Ends `watch`."""
        self._stopped.set()


def _base_dirs(paths):
    found = []
    for path in map(os.path.abspath, paths):
        below = sorted(
            entry.path for entry in os.scandir(path) if entry.is_dir()
        )
        below = (
            [path] if versions_of(path) else list(filter(versions_of, below))
        )
        if not below:
            raise ValueError(
                "models must be folders of published models, such as "
                f"saved_models/birds or saved_models; received {path}"
            )
        found += below
    return found
