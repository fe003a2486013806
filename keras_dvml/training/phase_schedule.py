"""When DVML's decoder may start to shape the embedding."""

import keras


class PhaseSchedule(keras.callbacks.Callback):
    """Switches a `models.DVML` from phase 1 to phase 2 during `fit`.

    Args:
        release_decoder_at: int >= 0. Epoch, counted from 0, that is the first
            of phase 2.

    Raises:
        ValueError: If the epoch is negative.
        TypeError: If the model has no phases.

    Example:
        >>> import keras_dvml as kd
        >>> schedule = kd.training.PhaseSchedule(release_decoder_at=10)

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """

    def __init__(self, release_decoder_at):
        super().__init__()
        if release_decoder_at < 0:
            raise ValueError(
                "release_decoder_at must be an epoch >= 0; received "
                f"{release_decoder_at}"
            )
        self.release_decoder_at = release_decoder_at

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "set_phase"):
            raise TypeError(
                "PhaseSchedule needs a model with phases, such as DVML; "
                f"received {type(self.model).__name__}"
            )

    def on_epoch_begin(self, epoch, logs=None):
        self.model.set_phase(1 if epoch < self.release_decoder_at else 2)
