"""Deep metric learning for Keras: images embedded, clustered and searched.

Rooms, in the order data flows through them: `data`, `ops`, `layers`,
`miners`, `losses`, `models`, `clustering`, `training`, `evaluation`, `index`,
`serving`, `reports`.
A room is imported when it is first used, so `import keras_dvml` costs nothing.
`load` opens what was published.
Where Keras has been imported before, the rooms whose classes are in saved
models are imported too: `keras.models.load_model` has to know them.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "clustering", "data", "evaluation", "index", "layers", "load", "losses",
    "miners", "models", "ops", "reports", "serving", "training", "__version__",
]  # fmt: skip

if TYPE_CHECKING:
    from keras_dvml import (
        clustering,
        data,
        evaluation,
        index,
        layers,
        losses,
        miners,
        models,
        ops,
        reports,
        serving,
        training,
    )
    from keras_dvml.serving import load
else:
    # Unseen by type checkers, which would believe in any name.
    def __getattr__(name: str) -> Any:
        if name == "load":
            return importlib.import_module("keras_dvml.serving").load
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


if "keras" in sys.modules:
    from keras_dvml import layers, losses, models
