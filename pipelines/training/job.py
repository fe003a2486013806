"""A training as one piece of data, read from what TFX's Trainer passes on."""

import dataclasses
import json
import os
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from pipelines.configs import YARDSTICKS, TrainConfig
from pipelines.training.hyperparameters import with_hyperparameters


@dataclasses.dataclass(frozen=True)
class TrainingJob:
    """What is trained, on what, and where the result goes.

    Attributes:
        config: of the training, with what a Tuner found where there was one.
        train_files: glob patterns of the examples to train on.
        eval_files: those of the examples that curves are measured on.
        serving_uri: folder of the SavedModel, `<model_uri>/Format-Serving`.
        run_uri: folder of the history, for people and for TensorBoard.
        base_model_uri: Model artifact to continue from, or `None`.
        pseudo_labels_uri: PseudoLabels artifact to train on, or `None`.
        checkpoint_root: folder of the states of interrupted trainings, or
            `None` to keep none.
        code_fingerprint: of the code that was to train.
    """

    config: TrainConfig
    train_files: list[str]
    eval_files: list[str]
    serving_uri: str
    run_uri: str
    base_model_uri: str | None = None
    pseudo_labels_uri: str | None = None
    checkpoint_root: str | None = None
    code_fingerprint: str = ""

    @classmethod
    def from_fn_args(cls, fn_args: FnArgs) -> "TrainingJob":
        """Reads a job from the arguments of TFX's Trainer.

        Args:
            fn_args: `custom_config["train"]` holds the fields of a
                `TrainConfig`; `"pseudo_labels_uri"`, `"checkpoint_root"` and
                `"code_fingerprint"` may be there too.
        """
        custom = dict(fn_args.custom_config)
        config = TrainConfig(**custom.pop("train"))
        base_model = fn_args.base_model
        return cls(
            config=with_hyperparameters(config, fn_args.hyperparameters),
            train_files=fn_args.train_files,
            eval_files=fn_args.eval_files,
            serving_uri=fn_args.serving_model_dir,
            run_uri=fn_args.model_run_dir,
            base_model_uri=base_model and os.path.dirname(base_model),
            **custom,
        )

    @classmethod
    def from_json(cls, text: str) -> "TrainingJob":
        """Reads a job that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "config": TrainConfig(**fields["config"])})

    def to_json(self, without: tuple[str, ...] = ()) -> str:
        """Writes the job as JSON.

        Args:
            without: fields to leave out.
        """
        fields: dict[str, Any] = dataclasses.asdict(self)
        kept = {k: v for k, v in fields.items() if k not in without}
        return json.dumps(kept, sort_keys=True)

    @property
    def is_trained(self) -> bool:
        """Whether there is anything to train, or first weights are meant."""
        return self.config.method not in YARDSTICKS and self.config.epochs > 0

    @property
    def model_uri(self) -> str:
        """Folder of the Model artifact."""
        return os.path.dirname(self.serving_uri)
