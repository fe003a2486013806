import pytest

from pipelines.beam_flags import beam_pipeline_args


def test_engine_in_memory_is_chosen_where_none_is_named():
    assert beam_pipeline_args() == ["--runner=FnApiRunner"]
    assert beam_pipeline_args(
        "--direct_running_mode=multi_processing --direct_num_workers=2"
    ) == [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    ]


@pytest.mark.parametrize(
    "flags", ["--runner=DataflowRunner --region=x", "--runner FlinkRunner"]
)
def test_named_engine_is_kept(flags):
    assert beam_pipeline_args(flags) == flags.split()


def test_quoted_values_stay_whole():
    assert "--labels=a b" in beam_pipeline_args('--labels="a b"')


@pytest.mark.parametrize(
    "flags", ["runner=FlinkRunner", "--a=b c", "-r FlinkRunner"]
)
def test_flag_without_its_dashes_is_an_error(flags):
    with pytest.raises(ValueError, match="begin with `--`"):
        beam_pipeline_args(flags)
