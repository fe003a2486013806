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

import keras_dvml as kd
from pipelines.artifacts.evaluations import (
    read_arrays,
    read_intervals,
    read_scores,
)
from pipelines.artifacts.examples import load_images
from pipelines.artifacts.files import read_json, write_json
from pipelines.artifacts.histories import read_history
from pipelines.artifacts.pseudo_label_table import (
    LABELS_FILE,
    PseudoLabelTable,
    read_pseudo_labels,
)
from pipelines.artifacts.pushes import FAULT, read_push
from pipelines.artifacts.types import QUARANTINE_FILE, Report
from pipelines.ingestion.changes import CHANGES
from pipelines.reporting.cluster_galleries import cluster_galleries
from pipelines.reporting.notes import notes_of_steps
from pipelines.reporting.searches import class_name, search_pushed_model
from pipelines.reporting.variations import learned_variations

_PAGE, _SCORES, _CLUSTERS = "report.html", "scores.json", "clusters.csv"
_SHOWN_SCORES = ("recall@", "map@r", "nmi", "copies_found@")
_COPIES_TITLE = "Changed copies that find their original"
_CLASSES_TITLE = "Scores on unseen classes"


class Executor(BaseExecutor):
    """Writes the report; see `Reporter`."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `report.html` and `scores.json`.

        Args:
            input_dict: key to list of one artifact.
            output_dict: `report`.
            exec_properties: parameters of `Reporter`.
        """
        inputs: dict[str, Any] = {
            key: artifact_utils.get_single_instance(artifacts)
            for key, artifacts in input_dict.items()
        }
        report = artifact_utils.get_single_instance(output_dict["report"])
        titles = json.loads(exec_properties["titles"])
        evaluations = {
            method: inputs[f"evaluation_{method}"] for method in titles
        }
        scores = {m: _shown(read_scores(e.uri)) for m, e in evaluations.items()}
        candidate = exec_properties["candidate"]
        clusterings = []
        while f"pseudo_labels_{len(clusterings)}" in inputs:
            clusterings.append(inputs[f"pseudo_labels_{len(clusterings)}"].uri)
        gallery = load_images(inputs["examples"])
        push = read_push(inputs["pushed_model"].uri)
        fault = inputs["pushed_model"].get_string_custom_property(FAULT)
        _write_page(
            report.uri,
            title=exec_properties["title"],
            scores={titles[method]: row for method, row in scores.items()},
            intervals={
                titles[method]: _shown(read_intervals(evaluation.uri))
                for method, evaluation in evaluations.items()
            },
            published=titles[candidate] if push else None,
            headline=None if push else f"Nothing was published. {fault}",
            scores_title=(
                _COPIES_TITLE if gallery.labels is None else _CLASSES_TITLE
            ),
            histories={
                titles[method]: read_history(inputs[f"model_run_{method}"].uri)
                for method in evaluations
            },
            **_pictures(
                inputs,
                gallery,
                evaluations[candidate],
                [read_pseudo_labels(uri) for uri in clusterings],
                push,
            ),
            notes={
                **json.loads(exec_properties["notes"]),
                "Gallery": f"{len(gallery.ids):,} images",
                **_changes(inputs["examples"]),
                **notes_of_steps(
                    inputs.get("anomalies"),
                    inputs.get("tuner_results"),
                    push,
                    fault,
                ),
            },
            quarantined=[
                (row["path"], row["reason"])
                for row in read_json(inputs["quarantine"].uri, QUARANTINE_FILE)
            ],
        )
        write_json(report.uri, _SCORES, scores)
        if clusterings:
            fileio.copy(
                os.path.join(clusterings[-1], LABELS_FILE),
                os.path.join(report.uri, _CLUSTERS),
            )
        report.set_string_custom_property("summary", _PAGE)


class Reporter(BaseComponent):
    """Gathers a run into one self-contained HTML file.

    The searches in it are made with the SavedModel that was pushed: query
    images' bytes in, ids and scores out.

    Args:
        candidate: the method whose embeddings are drawn.
        titles: JSON dict of the methods, each to its row in the table, in their
            order there.
        title: of the report.
        notes: JSON dict of facts to be listed, term to text.
        code_fingerprint: changes when the code does; only the cache reads it.
        **inputs: `examples`, all images; `quarantine`, what ingestion left
            out; `pushed_model`, what was published, if anything; of each
            method `evaluation_<method>` and `model_run_<method>`;
            `pseudo_labels_<number>`, the candidate's clusterings from 0 on,
            if it made any; `model`, the candidate, whose variation is shown
            where it learned one; `anomalies`, what ExampleValidator found in
            the examples; `tuner_results` of the candidate's trials. The last
            three may be missing.
    """

    # The real specification has inputs of each method, and is made below: on
    # Kubeflow an input takes one artifact only.
    SPEC_CLASS = ComponentSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        candidate: str,
        titles: str,
        title: str,
        notes: str,
        code_fingerprint: str = "",
        **inputs: types.BaseChannel,
    ) -> None:
        parameters = {
            "candidate": candidate,
            "titles": titles,
            "title": title,
            "notes": notes,
            "code_fingerprint": code_fingerprint,
        }
        spec_class = _spec_class(inputs, parameters)
        super().__init__(
            spec_class(
                **inputs, **parameters, report=types.Channel(type=Report)
            )
        )


def _changes(examples: types.Artifact) -> dict[str, str]:
    changes = examples.get_string_custom_property(CHANGES)
    return {"Pictures not read as they are stored": changes} if changes else {}


def _pictures(
    inputs: dict[str, Any],
    gallery: kd.data.EncodedImages,
    evaluation: standard_artifacts.ModelEvaluation,
    tables: list[PseudoLabelTable],
    push: dict[str, str] | None,
) -> dict[str, Any]:
    """Returns the parts of the report that show images."""
    unseen = load_images(inputs["examples"], "test")
    shown = gallery if gallery.labels is None else unseen
    embedding_map = _embedding_map(evaluation, shown, tables)
    searches, variations = [], []
    if push:
        searches = search_pushed_model(push["exact"], unseen, gallery)
    if "model" in inputs:
        variations = learned_variations(
            inputs["model"].uri, shown, embedding_map
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
        embeddings=read_arrays(evaluation.uri)["embeddings"],
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


def _shown(scores: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in scores.items()
        if name.startswith(_SHOWN_SCORES)
    }


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
