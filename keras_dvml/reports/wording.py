"""How scores and loss terms are spelled for people."""

_SHARES = {
    "map@r": "MAP@R",
    "nmi": "NMI",
    "ami": "AMI",
    "mrr": "MRR",
    "r_precision": "R-precision",
    "f1": "Pairwise F1",
    "accuracy": "Accuracy",
}
_NAMES = {**_SHARES, "loss": "Total loss", "lr": "Learning rate"}
_MEANINGS = {
    "recall": (
        "Recall@k: share of queries with an image of the same class among "
        "the first k results."
    ),
    "map@r": (
        "MAP@R: how purely the first R results are of the query's class, "
        "early ones counting more; R is the number of other images in it."
    ),
    "copies_found": (
        "Copies found@k: a part of an image that was held out of training, in "
        "other colours, searches among all images; share of copies whose "
        "original is among the first k results. It measures how well an image "
        "is recognised again, not how well others of its kind are found."
    ),
    "r_precision": (
        "R-precision: share of the first R results that are of the class."
    ),
    "mrr": (
        "MRR: mean of 1/rank of the first result that is of the query's class."
    ),
    "nmi": "NMI: how well clusters of the embeddings agree with the classes.",
    "ami": "AMI: the same, less what chance alone would give.",
    "f1": "Pairwise F1: the same, counted in pairs of images.",
}
# One sentence for all k of them.
_AT_K = ("recall@", "copies_found@")


def spell_name(name: str) -> str:
    """Returns `prior_loss` as `Prior loss`, `val_map@r` as `MAP@R`.

    Args:
        name: A score's name or a key of a Keras history; a leading `val_` is
            dropped, since the place shows what it means.
    """
    name = name.removeprefix("val_")
    if name in _NAMES:
        return _NAMES[name]
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def explain_scores(names: list[str]) -> list[str]:
    """Returns one sentence for each kind of score among `names`."""
    kinds = dict.fromkeys(
        name.partition("@")[0] if name.startswith(_AT_K) else name
        for name in names
    )
    return [_MEANINGS[kind] for kind in kinds if kind in _MEANINGS]


def is_share(name: str) -> bool:
    """Returns whether a history's values are shares, shown in percent."""
    name = name.removeprefix("val_")
    return name in _SHARES or name.startswith(("recall@", "precision@"))
