"""When DVML's decoder may start to shape the embedding."""

from keras_dvml.arguments import check_count
from keras_dvml.training.typed_callback import TypedCallback


class PhaseSchedule(TypedCallback):
    """Switches a `models.DVML` from phase 1 to phase 2 during `fit`.

    Args:
        release_decoder_at: >= 0. Epoch, counted from 0, that is the first of
            phase 2.

    Raises:
        ValueError: If the epoch is negative.
        TypeError: If the model has no phases.

    Example:
        >>> import keras_dvml as kd
        >>> schedule = kd.training.PhaseSchedule(release_decoder_at=10)

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """

    def __init__(self, release_decoder_at: int) -> None:
        super().__init__()
        check_count(0, release_decoder_at=release_decoder_at)
        self.release_decoder_at = release_decoder_at

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not hasattr(self.model, "set_phase"):
            raise TypeError(
                "model must have phases, as DVML has; received "
                f"{type(self.model).__name__}"
            )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.model.set_phase(1 if epoch < self.release_decoder_at else 2)
