import errno

import pytest

from pipelines.runners.local.failures import explain


def chained(message):
    try:
        try:
            raise OSError(message)
        except OSError as cause:
            raise RuntimeError("while running 'Write'") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        chained("[Errno 28] No space left on device"),
        # In the words of HDF5 and of SQLite.
        OSError("Can't write data (file write failed: errno = 28, ...)"),
        RuntimeError("query failed: database or disk is full"),
    ],
)
def test_full_disk_is_told_with_what_is_free_and_what_to_do(error, tmp_path):
    message = explain(error, tmp_path, tmp_path / "gone")
    assert "No space left" in message and "Make room" in message
    assert f"MB free at {tmp_path}" in message
    assert "gone" not in message


def test_other_failures_keep_their_message(tmp_path):
    assert explain(ValueError("`k` must be 1"), tmp_path) == "`k` must be 1"


def test_failure_without_a_message_has_the_name_of_its_kind():
    assert explain(NotImplementedError()) == "NotImplementedError"
