"""Deep metric learning for Keras: images embedded, clustered and searched.

Rooms, in the order data flows through them: `data`, `ops`, `layers`,
`losses`, `models`, `clustering`, `training`, `evaluation`, `index`, `serving`,
`reports`.
A room is imported when it is first used, so `import keras_dvml` costs nothing.
Where Keras has been imported before, the rooms whose classes stand in saved
models are imported too: `keras.models.load_model` has to know them.
"""

import importlib
import sys

__version__ = "0.1.0"

_ROOMS = (
    "clustering",
    "data",
    "evaluation",
    "index",
    "layers",
    "losses",
    "models",
    "ops",
    "reports",
    "serving",
    "training",
)

__all__ = [*_ROOMS, "__version__"]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


if "keras" in sys.modules:
    from keras_dvml import layers, losses, models
