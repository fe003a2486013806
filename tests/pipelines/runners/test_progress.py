import io
import logging
import time

import pytest

from pipelines.runners import progress as progress_module
from pipelines.runners.progress import Progress


@pytest.fixture
def screen():
    return io.StringIO()


def test_our_messages_are_shown_below_their_step(screen):
    with Progress(screen) as progress, progress.step("Trainer"):
        logging.getLogger("pipelines.training.trainer").info("epoch %d", 3)
        logging.getLogger("keras_dvml.index").warning("too few")
    assert screen.getvalue() == "    epoch 3\n    ! too few\n"


def test_messages_of_others_are_not_shown(screen):
    with Progress(screen):
        logging.getLogger("tensorflow").error("noise")
    assert screen.getvalue() == ""


def test_silence_is_filled_with_signs_of_life(screen, monkeypatch):
    monkeypatch.setattr(progress_module, "_MAX_SILENCE_SECONDS", 0.1)
    with Progress(screen) as progress, progress.step("StatisticsGen"):
        time.sleep(1.2)
    assert "    ... StatisticsGen, " in screen.getvalue()


def test_nothing_is_shown_after_the_end(screen):
    with Progress(screen):
        pass
    logging.getLogger("pipelines").info("late")
    assert screen.getvalue() == ""


def test_step_that_failed_is_remembered_for_the_message_of_a_failure(screen):
    with Progress(screen) as progress:
        with progress.step("Trainer"):
            pass
        assert progress.failed_step == ""
        with pytest.raises(ValueError), progress.step("Pusher"):
            raise ValueError
        assert progress.failed_step == "Pusher"


def test_reader_that_went_away_does_not_end_the_run():
    class ClosedPipe(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with Progress(ClosedPipe()) as progress:
        progress.write("nobody reads this")
