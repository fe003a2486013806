"""Which earlier model a candidate is measured against."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.types import standard_artifacts


def last_blessed_model(candidate: types.BaseChannel) -> Resolver:
    """Returns the step that looks up what a candidate is measured against.

    Args:
        candidate: channel of the model that was just trained.

    Returns:
        A Resolver with outputs `model` and `model_blessing`, both empty when
        no other model has been blessed.
    """
    return Resolver(
        strategy_class=LatestOtherBlessedModelStrategy,
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        candidate=candidate,
    ).with_id("LastBlessedModel")


class LatestOtherBlessedModelStrategy(
    latest_blessed_model_strategy.LatestBlessedModelStrategy
):
    """Finds the last blessed model that is not the candidate itself.

    TFX's own strategy returns a cached, blessed candidate as its own
    baseline: the evaluation would see a new input, and a second run with
    nothing changed would evaluate and push once more.

    Kubeflow V2 knows only TFX's own strategies; there the evaluator's check
    of the two ids does this one's work.
    """

    def resolve_artifacts(
        self,
        store: mlmd.MetadataStore,
        input_dict: dict[str, list[types.Artifact]],
    ) -> dict[str, list[types.Artifact]] | None:
        """Returns the model and its blessing; empty lists when there is none.

        Args:
            store: where artifacts are recorded.
            input_dict: all models and blessings, and the candidate.
        """
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        others = {
            "model": [m for m in input_dict["model"] if m.id not in candidates],
            "model_blessing": input_dict["model_blessing"],
        }
        resolved = super().resolve_artifacts(store, others)
        return {**resolved, "candidate": input_dict["candidate"]}
