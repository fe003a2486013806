"""The settings of a run, in the words of its report."""

from pipelines.configs import UNSUPERVISED, YARDSTICKS, PipelineConfig


def describe_config(config: PipelineConfig) -> dict[str, str]:
    """Returns the notes of a run, term to text.

    Args:
        config: the run.
    """
    train = config.train
    notes = {"Images": config.ingest.source}
    supervised = set(config.methods) - {*YARDSTICKS, *UNSUPERVISED}
    unsupervised = [m for m in config.methods if m in UNSUPERVISED]
    if supervised:
        notes["Training on labels"] = (
            f"{train.epochs} epochs of {_batches(config, 'classes')}"
        )
    if unsupervised:
        notes["Training without labels"] = _rounds(config)
    return notes


def _rounds(config: PipelineConfig) -> str:
    train, rounds = config.train, config.rounds
    clusters = (
        f"{rounds.num_clusters} clusters"
        if rounds.num_clusters
        else f"one cluster to each {rounds.images_per_cluster} images"
    )
    start = (
        f"{rounds.rotation_epochs} epochs on turned images alone; then "
        if rounds.rotation_epochs
        else ""
    )
    return (
        f"{start}{rounds.num_rounds} rounds of clustering ({clusters}) and "
        f"{rounds.epochs_per_round} epochs of {_batches(config, 'clusters')}; "
        f"rotation weight {train.rotation_weight:g} on {train.rotation_batch} "
        "images a batch"
    )


def _batches(config: PipelineConfig, groups: str) -> str:
    train = config.train
    return (
        f"{train.steps_per_epoch} batches, up to {train.classes_per_batch} "
        f"{groups} x {train.images_per_class} images of {train.image_size} x "
        f"{train.image_size} pixels, augmentation {train.augmentation!r}, seed "
        f"{train.seed}"
    )
