"""A run: where its images come from, and what is done with them."""

import dataclasses
import pathlib
from typing import Literal

from pipelines.configs.schema.choices import (
    TITLES,
    TUNABLE,
    WITHOUT_LABELS,
    Method,
    Split,
)
from pipelines.configs.schema.ranges import (
    AT_LEAST_0,
    AT_LEAST_1,
    SHARE,
    check_choices,
    check_ranges,
)
from pipelines.configs.schema.train import TrainConfig
from pipelines.configs.schema.tune import TuneConfig


@dataclasses.dataclass(frozen=True)
class IngestConfig:
    """Where the images come from. Exactly one source is set.

    Attributes:
        dataset: TFDS builder name such as `"glyphs/default"`. Its own splits
            `train` and `test` are used; their classes must not overlap.
        folder: path of a folder with one sub-folder a class. About half of
            the classes, drawn by their names, are tested on, the others
            trained on. Where not `labelled`, of a folder of images in any
            order: one in ten is held out of training.
        manifest: path of a `.csv` or `.parquet` file with a column `path`,
            and `label`, `split` and `id` where there are such.
        archives: folder of the archives that a data set is made of, for
            builders that cannot download theirs; where they are not yet
            prepared and this is empty, TFDS looks in `downloads/manual`.
        labelled: whether the images have labels. Without, only methods that
            need none can run, and only searches with copies are scored.
        split: what is trained on and what is tested on; see `Split`.
        test_fraction: in (0, 1). Share to test on where the source has no
            split. `None` for half of the classes or of each class' images,
            or a tenth of images without labels.
        split_seed: chooses what is tested on.
        max_bad_fraction: in [0, 1]. The run fails when a larger share of the
            files is quarantined.
    """

    dataset: str = ""
    folder: str = ""
    manifest: str = ""
    archives: str = ""
    labelled: bool = True
    split: Split = "auto"
    test_fraction: float | None = None
    split_seed: int = 0
    max_bad_fraction: float = 0.01

    def __post_init__(self) -> None:
        """Refuses wrong sources, wrong splits, or a share that is no share."""
        if [self.dataset, self.folder, self.manifest].count("") != 2:
            raise ValueError(
                "Exactly one of `dataset`, `folder` and `manifest` must be "
                f"set; received dataset={self.dataset!r}, "
                f"folder={self.folder!r}, manifest={self.manifest!r}"
            )
        if self.archives and not self.dataset:
            raise ValueError(
                "`archives` are those of a `dataset`; received archives="
                f"{self.archives!r} without one"
            )
        for name in ("folder", "manifest", "archives"):
            if "://" in getattr(self, name):
                raise ValueError(
                    f"`{name}` must be a path that this machine has: no URI "
                    f"is read; received {name}={getattr(self, name)!r}"
                )
        if self.dataset and not self.labelled:
            raise ValueError(
                "`labelled` must be True for a data set, whose labels the "
                "methods without labels leave aside; received "
                f"dataset={self.dataset!r}, labelled=False"
            )
        check_choices(self, split=Split)
        if self.split == "classes" and not self.labelled:
            raise ValueError(
                "`split` must not be 'classes' where images have no labels; "
                "received split='classes', labelled=False"
            )
        if self.test_fraction is not None and not 0 < self.test_fraction < 1:
            raise ValueError(
                "`test_fraction` must lie between 0 and 1; received "
                f"test_fraction={self.test_fraction}"
            )
        check_ranges(self, max_bad_fraction=SHARE)

    @property
    def source(self) -> str:
        """The data set, folder or manifest, whichever is set."""
        return self.dataset or self.folder or self.manifest


@dataclasses.dataclass(frozen=True)
class RoundsConfig:
    """How UDML makes its own labels: in rounds of clustering and training.

    Attributes:
        num_rounds: of clustering all training images and training on their
            cluster ids. The first clusters backbone features, later ones the
            embeddings of the model of the round before.
        epochs_per_round: passes of `TrainConfig.steps_per_epoch` batches.
        rotation_epochs: before the first round, learning from turned images
            alone; 0 for none.
        num_clusters: clusters, at most as many as images to train on; `None`
            for one to each `images_per_cluster` of them, at least 2 and at
            most 10,000.
        images_per_cluster: images to a cluster where their number is not
            given: fewer than a class is likely to have. Clusters that are too
            small split classes, which costs little, for a batch holds few of
            them; those that are too large mix classes. Small ones fill up in
            batches with repetitions, each changed in another way.
        images_per_shown_cluster: the same of the last clustering, which is
            of all images, and for people to look at.
        metric: `"cosine"` or `"euclidean"`, what k-means measures with.
        num_iterations: of k-means, at most.
    """

    num_rounds: int = 4
    epochs_per_round: int = 5
    rotation_epochs: int = 0
    num_clusters: int | None = None
    images_per_cluster: int = 3
    images_per_shown_cluster: int = 15
    metric: Literal["cosine", "euclidean"] = "cosine"
    num_iterations: int = 20

    def __post_init__(self) -> None:
        """Refuses numbers that are out of range."""
        check_ranges(
            self,
            num_rounds=AT_LEAST_1,
            epochs_per_round=AT_LEAST_1,
            rotation_epochs=AT_LEAST_0,
            images_per_cluster=AT_LEAST_1,
            images_per_shown_cluster=AT_LEAST_1,
            num_iterations=AT_LEAST_1,
        )
        if self.num_clusters is not None and self.num_clusters < 2:
            raise ValueError(
                "`num_clusters` must be at least 2, or None; received "
                f"num_clusters={self.num_clusters}"
            )


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """How models are measured, and which one may be pushed.

    Attributes:
        ks: the k of Recall@k, 1 among them: by it models are compared.
        tolerance: in [0, 1]. The candidate is blessed when its Recall@1, or
            without labels the share of copies it finds, is at least the last
            blessed model's minus this, and not for sure below it or below that
            of `as_is`, where that is among the methods: the 95% interval of
            their difference reaches 0.
    """

    ks: tuple[int, ...] = (1, 2, 4, 8)
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        """Refuses numbers that are out of range."""
        if 1 not in self.ks or min(self.ks) < 1:
            raise ValueError(
                "`ks` must be at least 1 each, and 1 one of them; received "
                f"ks={self.ks}"
            )
        check_ranges(self, tolerance=SHARE)


@dataclasses.dataclass(frozen=True)
class IndexConfig:
    """How the gallery is searched.

    Attributes:
        num_neighbors: results per query.
        recall_floor: in [0, 1]. The run fails when the ScaNN index finds a
            smaller share of the true ten nearest neighbours.
        false_match_rate: in [0, 1]. Share of queries of unknown classes that
            may be answered with a match; the similarity that this takes is
            found on the test classes. Without labels, results do not state
            whether they match.
    """

    num_neighbors: int = 10
    recall_floor: float = 0.95
    false_match_rate: float = 0.01

    def __post_init__(self) -> None:
        """Refuses numbers that are out of range."""
        check_ranges(
            self,
            num_neighbors=AT_LEAST_1,
            recall_floor=SHARE,
            false_match_rate=SHARE,
        )


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """One run, from images to a served search.

    Attributes:
        name: of the pipeline and of the model under `saved_models/`: that of
            a single folder. `<name>-scann` is the name of its other flavour.
        ingest: where the images come from.
        train: the budget that all methods share.
        tune: whether the candidate's loss and weights are sought first.
        rounds: how the methods without labels make theirs.
        evaluation: how they are measured.
        index: how the gallery is searched.
        methods: which are trained and compared, in the order of the table.
        candidate: the one of them that is blessed, indexed and pushed.
    """

    name: str
    ingest: IngestConfig
    train: TrainConfig = TrainConfig()
    tune: TuneConfig = TuneConfig()
    rounds: RoundsConfig = RoundsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    index: IndexConfig = IndexConfig()
    methods: tuple[Method, ...] = (
        "pixels", "hog", "as_is", "triplet", "dvml",
    )  # fmt: skip
    candidate: Method = "dvml"

    def __post_init__(self) -> None:
        """Refuses methods that do not fit each other or the images."""
        parts = pathlib.PurePosixPath(self.name).parts
        if parts != (self.name,) or parts in (("/",), ("..",)):
            # The run would work, and delete, beside its folder.
            raise ValueError(
                "`name` must be that of a single folder; received "
                f"name={self.name!r}"
            )
        if self.name.endswith("-scann"):
            raise ValueError(
                "`name` must not end in -scann, as those of models with ScaNN "
                f"inside do; received name={self.name!r}"
            )
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(
                "`methods` must be different ones; received "
                f"methods={self.methods}"
            )
        if self.candidate not in self.methods:
            raise ValueError(
                f"`candidate` must be one of `methods`; received candidate="
                f"{self.candidate!r}, methods={self.methods}"
            )
        untrained = self.candidate == "as_is" and self.train.refit_on_all
        if untrained or self.candidate in ("pixels", "hog"):
            raise ValueError(
                "`candidate` must have a backbone, and with "
                "`train.refit_on_all` be trained; received candidate="
                f"{self.candidate!r}"
            )
        needing = [m for m in self.methods if m not in WITHOUT_LABELS]
        if needing and not self.ingest.labelled:
            raise ValueError(
                f"`methods` must be of {WITHOUT_LABELS} where images have no "
                f"labels; received {needing}"
            )
        if self.tune.trials and (
            self.candidate not in TUNABLE or not self.ingest.labelled
        ):
            raise ValueError(
                f"`tune.trials` need a `candidate` of {TUNABLE} and images "
                "with labels, which score the trials; received "
                f"trials={self.tune.trials}, candidate={self.candidate!r}, "
                f"labelled={self.ingest.labelled}. tune.trials=0 tunes nothing"
            )
        if self.rounds.rotation_epochs and not self.train.rotation_weight:
            raise ValueError(
                "`rotation_epochs` need a `rotation_weight` above 0; received "
                f"rotation_epochs={self.rounds.rotation_epochs}, "
                f"rotation_weight={self.train.rotation_weight}"
            )

    @property
    def titles(self) -> dict[str, str]:
        """Method to its row in tables, in their order."""
        first = "pretrained, as is" if self.train.is_pretrained else "untrained"
        titles = {**TITLES, "as_is": first}
        return {method: titles[method] for method in self.methods}
