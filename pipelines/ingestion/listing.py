"""The files of a run, whichever way they are listed."""

from pipelines.configs.schema import IngestConfig
from pipelines.ingestion.folder import scan_folder, scan_unlabelled
from pipelines.ingestion.image_file import ImageFile, files_fingerprint
from pipelines.ingestion.manifest import read_manifest


def list_files(ingest: IngestConfig) -> list[ImageFile]:
    """Lists what a run reads from a folder or a manifest; nothing is opened.

    Args:
        ingest: its source, and how to split it.

    Returns:
        The files, with splits and, where there are labels, classes; none
        where the source is a data set of TFDS.

    Raises:
        ValueError: where the source cannot be read, or is too small.
    """
    if ingest.manifest:
        return read_manifest(
            ingest.manifest,
            labelled=ingest.labelled,
            split=ingest.split,
            test_fraction=ingest.test_fraction,
            seed=ingest.split_seed,
        )
    if ingest.folder:
        scan = scan_folder if ingest.labelled else scan_unlabelled
        return scan(
            ingest.folder,
            ingest.split,
            ingest.test_fraction,
            ingest.split_seed,
        )
    return []


def input_fingerprint(ingest: IngestConfig) -> str:
    """Hashes what a run would read, so that it is read again when it changes.

    Args:
        ingest: its source.

    Returns:
        16 hexadecimal digits; "" for a data set of TFDS, whose name and
        version identify it.
    """
    return "" if ingest.dataset else files_fingerprint(list_files(ingest))
