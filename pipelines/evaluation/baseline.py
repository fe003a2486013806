"""Which earlier model a candidate is measured against."""

from typing import Any

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
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
    return _resolver(LatestOtherBlessedModelStrategy, candidate=candidate)


def last_blessed_model_of_tfx(candidate: types.BaseChannel) -> Resolver:
    """Returns TFX's own step of the kind, the only one that Kubeflow knows.

    It may find the candidate itself, which the evaluators check for.

    Args:
        candidate: is not used.
    """
    del candidate
    return _resolver(latest_blessed_model_strategy.LatestBlessedModelStrategy)


def _resolver(strategy: type[ResolverStrategy], **channels: Any) -> Resolver:
    return Resolver(
        strategy_class=strategy,
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        **channels,
    )


class LatestOtherBlessedModelStrategy(
    latest_blessed_model_strategy.LatestBlessedModelStrategy
):
    """Finds the last blessed model that is not the candidate itself.

    TFX's own strategy returns a cached, blessed candidate as its own
    baseline: the evaluation would see a new input, and a second run with
    nothing changed would evaluate and push once more.
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
        resolved = super().resolve_artifacts(store, others) or {}
        return {**resolved, "candidate": input_dict["candidate"]}
