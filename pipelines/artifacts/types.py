"""The artifact types that TFX does not have.

Kubeflow V2 imports a type by its TYPE_NAME (one dot, no more) and refuses
PROPERTIES, so facts travel as custom properties.
"""

from tfx.types.artifact import Artifact

QUARANTINE_FILE = "quarantine.json"
CHANGES_FILE = "changes.json"


class Quarantine(Artifact):
    """What ingestion left out, and how large the classes came out.

    `quarantine.json` is a list of `{"path", "reason"}`; `class_sizes.json`
    maps split name to class name to number of images; `changes.json` is a list
    of `{"path", "changes"}` of the images that are not read as they are stored.
    """

    TYPE_NAME = "pipelines.Quarantine"


class PseudoLabels(Artifact):
    """Cluster ids of images, to be trained on; see `pseudo_label_table`.

    `pseudo_labels.csv` has a row per image, `clusters.json` facts about the
    clusters, `centroids.npy` their centres.
    """

    TYPE_NAME = "pipelines.PseudoLabels"


class Report(Artifact):
    """`report.html` for people and `scores.json` for programs.

    Of images without labels also `clusters.csv`.
    """

    TYPE_NAME = "pipelines.Report"
