"""Searches with a published model, as a client would."""

import numpy as np
import tensorflow as tf

import keras_dvml as kd

_NUM_SEARCHES = 8
_NUM_RESULTS = 8


def search_pushed_model(
    saved_model_path: str,
    queries: kd.data.EncodedImages,
    gallery: kd.data.EncodedImages,
) -> list[kd.reports.Search]:
    """Sends a few images to the `search` signature.

    Args:
        saved_model_path: of a model with a `search` signature.
        queries: images to choose the queries from: one each of a few classes,
            or a few where there are no labels.
        gallery: what the model's index holds.

    Returns:
        A row of results a query; the query itself is left out of them.
    """
    search = tf.saved_model.load(saved_model_path).signatures["search"]
    chosen = spread_over_classes(queries, _NUM_SEARCHES)
    found = search(
        image_bytes=tf.constant([queries.image_bytes[i] for i in chosen])
    )
    number_of = {image_id: i for i, image_id in enumerate(gallery.ids)}
    searches = []
    for query, ids, scores in zip(
        chosen, found["ids"].numpy(), found["scores"].numpy(), strict=True
    ):
        numbers = [number_of.get(image_id.decode()) for image_id in ids]
        results = [
            kd.reports.SearchResult(
                image=gallery.image_bytes[number],
                label=class_name(gallery, number),
                score=float(score),
                is_hit=_is_hit(gallery, number, queries, query),
            )
            for number, score in zip(numbers, scores, strict=True)
            # Rows are padded with empty ids where a search finds too few.
            if number is not None and gallery.ids[number] != queries.ids[query]
        ]
        searches.append(
            kd.reports.Search(
                query_image=queries.image_bytes[query],
                query_label=class_name(queries, query),
                results=results[:_NUM_RESULTS],
            )
        )
    return searches


def class_name(images: kd.data.EncodedImages, number: int) -> str:
    """Returns the name of an image's class, or what else it goes by.

    Args:
        images: of which the image is one.
        number: of the image.

    Returns:
        The name of its class, else its label, and without labels its id, the
        path below the folder.
    """
    if images.labels is None:
        return str(images.ids[number])
    return str(images.label_names[number]) or str(images.labels[number])


def spread_over_classes(
    images: kd.data.EncodedImages, number: int
) -> list[int]:
    """Chooses the first image of classes spread evenly, or images so.

    Args:
        images: to choose from.
        number: of images; fewer where there are fewer classes.

    Returns:
        Places of images.
    """
    labels = images.labels
    if labels is None:
        labels = np.arange(len(images.ids))
    classes, first = np.unique(labels, return_index=True)
    chosen = np.linspace(0, len(classes) - 1, number).astype(int)
    return [int(i) for i in first[np.unique(chosen)]]


def _is_hit(gallery, number, queries, query) -> bool | None:
    if gallery.labels is None:
        return None
    return bool(gallery.labels[number] == queries.labels[query])
