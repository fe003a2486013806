"""Shows a run: scores, curves, clusters, a map, and searches as served."""

import json
import os
import tempfile
from typing import Any

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.utils import io_utils

import keras_dvml as kd
from pipelines.artifacts.examples import example_files, read_embeddings
from pipelines.artifacts.pseudo_label_table import (
    LABELS_FILE,
    PseudoLabelTable,
    read_pseudo_labels,
)
from pipelines.artifacts.types import Report
from pipelines.publishing.pusher import read_push
from pipelines.reporting.cluster_galleries import cluster_galleries
from pipelines.reporting.notes import notes_of_steps
from pipelines.reporting.searches import class_name, search_pushed_model
from pipelines.reporting.variations import learned_variations
from pipelines.training.history import HISTORY_FILE

CLUSTERS_FILE = "clusters.csv"
_PAGE = "report.html"
_MODEL, _ANOMALIES, _TUNER = "model", "anomalies", "tuner_results"
_SHOWN_SCORES = ("recall@", "map@r", "nmi", "copies_found@")
_COPIES_TITLE = "Changed copies that find their original"
_CLASSES_TITLE = "Scores on unseen classes"


class Executor(BaseExecutor):
    """Writes the report; see `Reporter`."""

    def Do(self, input_dict, output_dict, exec_properties) -> None:  # noqa: N802
        """Writes `report.html` and `scores.json`.

        Args:
            input_dict: key to list of one artifact.
            output_dict: `report`.
            exec_properties: parameters of `Reporter`.
        """
        inputs = {
            key: artifact_utils.get_single_instance(artifacts)
            for key, artifacts in input_dict.items()
        }
        report = artifact_utils.get_single_instance(output_dict["report"])
        methods = json.loads(exec_properties["methods"])
        scores, intervals = (
            {
                method: _read_scores(inputs[_evaluation(method)], name)
                for method in methods
            }
            for name in ("scores.json", "intervals.json")
        )
        rounds = [
            inputs[_pseudo_labels(number)]
            for number in range(int(exec_properties["num_clusterings"]))
        ]
        gallery = kd.data.load_examples(example_files(inputs["examples"]))
        push = read_push(inputs["pushed_model"])
        _write_page(
            report.uri,
            title=exec_properties["title"],
            scores=scores,
            intervals=intervals,
            scores_title=(
                _COPIES_TITLE if gallery.labels is None else _CLASSES_TITLE
            ),
            histories={
                method: _read_json(inputs[_model_run(method)], HISTORY_FILE)
                for method in methods
            },
            **_pictures(
                inputs,
                gallery,
                inputs[_evaluation(exec_properties["candidate"])],
                [read_pseudo_labels(one.uri) for one in rounds],
            ),
            notes={
                **json.loads(exec_properties["notes"]),
                "Gallery": f"{len(gallery.ids):,} images",
                **notes_of_steps(
                    inputs.get(_ANOMALIES), inputs.get(_TUNER), push
                ),
            },
            quarantined=[
                (row["path"], row["reason"])
                for row in _read_json(inputs["quarantine"], "quarantine.json")
            ],
        )
        io_utils.write_string_file(
            os.path.join(report.uri, "scores.json"), json.dumps(scores)
        )
        if rounds:
            fileio.copy(
                os.path.join(rounds[-1].uri, LABELS_FILE),
                os.path.join(report.uri, CLUSTERS_FILE),
            )
        report.set_string_custom_property("summary", _PAGE)


class Reporter(BaseComponent):
    """Gathers a run into one self-contained HTML file.

    The searches in it are made with the SavedModel that was pushed: query
    images' bytes in, ids and scores out.

    Args:
        examples: all images.
        quarantine: what ingestion left out.
        evaluations: method to its evaluation.
        model_runs: method to its training history.
        pushed_model: what was published, if anything.
        pseudo_labels: the candidate's clusterings in order, if it made any.
        model: the candidate; where it learned a variation, that is shown.
        anomalies: what ExampleValidator found in the examples.
        tuner_results: of the trials that the candidate's values come from.
        candidate: the method whose embeddings are drawn.
        title: of the report.
        notes: facts to be listed, term to text.
        code_fingerprint: changes when the code does; only the cache reads it.
    """

    # The real specification has an input a method, and is made below: on
    # Kubeflow an input takes one artifact only.
    SPEC_CLASS = ComponentSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        quarantine: types.BaseChannel,
        evaluations: dict[str, types.BaseChannel],
        model_runs: dict[str, types.BaseChannel],
        pushed_model: types.BaseChannel,
        pseudo_labels: list[types.BaseChannel],
        model: types.BaseChannel | None = None,
        anomalies: types.BaseChannel | None = None,
        tuner_results: types.BaseChannel | None = None,
        candidate: str,
        title: str,
        notes: dict[str, str],
        code_fingerprint: str = "",
    ):
        channels = {
            "examples": examples,
            "quarantine": quarantine,
            "pushed_model": pushed_model,
            **{_evaluation(m): channel for m, channel in evaluations.items()},
            **{_model_run(m): channel for m, channel in model_runs.items()},
            **{
                _pseudo_labels(number): channel
                for number, channel in enumerate(pseudo_labels)
            },
        }
        optional = {_MODEL: model, _ANOMALIES: anomalies, _TUNER: tuner_results}
        channels |= {k: one for k, one in optional.items() if one is not None}
        parameters = {
            "methods": json.dumps(list(evaluations)),
            "num_clusterings": str(len(pseudo_labels)),
            "candidate": candidate,
            "title": title,
            "notes": json.dumps(notes),
            "code_fingerprint": code_fingerprint,
        }
        spec_class = _spec_class(channels, parameters)
        super().__init__(
            spec_class(
                **channels, **parameters, report=types.Channel(type=Report)
            )
        )


def _pictures(
    inputs: dict[str, types.Artifact],
    gallery: kd.data.EncodedImages,
    evaluation: standard_artifacts.ModelEvaluation,
    tables: list[PseudoLabelTable],
) -> dict[str, Any]:
    """Returns the parts of the report that show images."""
    unseen = kd.data.load_examples(example_files(inputs["examples"], "test"))
    shown = gallery if gallery.labels is None else unseen
    embedding_map = _embedding_map(evaluation, shown, tables)
    push = read_push(inputs["pushed_model"])
    searches, variations = [], []
    if push:
        searches = search_pushed_model(push["exact"], unseen, gallery)
    if _MODEL in inputs:
        variations = learned_variations(
            inputs[_MODEL].uri, shown, embedding_map
        )
    return {
        "embedding_map": embedding_map,
        "clusterings": cluster_galleries(tables, gallery) if tables else [],
        "searches": searches,
        "variations": variations,
    }


def _embedding_map(
    evaluation: standard_artifacts.ModelEvaluation,
    images: kd.data.EncodedImages,
    tables: list[PseudoLabelTable],
) -> kd.reports.EmbeddingMap:
    if images.labels is None:
        labels = tables[-1].clusters_of(images.ids)
        names = [str(cluster) for cluster in labels]
    else:
        labels = images.labels
        names = [class_name(images, i) for i in range(len(images.ids))]
    # Both are in the order of the ids.
    return kd.reports.EmbeddingMap(
        embeddings=read_embeddings(evaluation.uri)["embeddings"],
        labels=labels,
        label_names=names,
        image_bytes=images.image_bytes,
        noun="cluster" if images.labels is None else "class",
    )


def _write_page(uri: str, **contents: Any) -> None:
    # Through a folder of this machine: the artifact's may be a remote one.
    with tempfile.TemporaryDirectory() as folder:
        page = kd.reports.write_report(os.path.join(folder, _PAGE), **contents)
        fileio.copy(os.fspath(page), os.path.join(uri, _PAGE), overwrite=True)


def _read_scores(
    evaluation: standard_artifacts.ModelEvaluation, name: str
) -> dict[str, Any]:
    """Reads values by score, of those that are shown; {} without the file."""
    if not fileio.exists(os.path.join(evaluation.uri, name)):
        return {}
    return {
        score: value
        for score, value in _read_json(evaluation, name).items()
        if score.startswith(_SHOWN_SCORES)
    }


def _evaluation(method: str) -> str:
    return f"evaluation_{method}"


def _model_run(method: str) -> str:
    return f"model_run_{method}"


def _pseudo_labels(number: int) -> str:
    return f"pseudo_labels_{number}"


def _read_json(artifact: types.Artifact, name: str) -> dict | list:
    with fileio.open(os.path.join(artifact.uri, name), "r") as stream:
        return json.loads(stream.read())


def _spec_class(
    channels: dict[str, types.BaseChannel], parameters: dict[str, str]
) -> type[ComponentSpec]:
    return type(
        "ReporterSpec",
        (ComponentSpec,),
        {
            "INPUTS": {
                key: ChannelParameter(type=channel.type)
                for key, channel in channels.items()
            },
            "OUTPUTS": {"report": ChannelParameter(type=Report)},
            "PARAMETERS": {
                key: ExecutionParameter(type=str) for key in parameters
            },
        },
    )
