import pytest

from pipelines.runners.beam_flags import beam_pipeline_args

IMAGE = "--sdk_container_image=keras_dvml"


def test_engine_in_memory_is_chosen_where_none_is_named():
    assert beam_pipeline_args() == ["--runner=FnApiRunner", IMAGE]
    assert beam_pipeline_args(
        "--direct_running_mode=multi_processing --direct_num_workers=2"
    ) == [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
        IMAGE,
    ]


@pytest.mark.parametrize(
    "flags", ["--runner=DataflowRunner --region=x", "--runner FlinkRunner"]
)
def test_named_engine_is_kept(flags):
    assert beam_pipeline_args(flags) == [*flags.split(), IMAGE]


@pytest.mark.parametrize(
    "flag", ["--sdk_container_image=a/b:1", "--requirements_file=r.txt"]
)
def test_named_place_of_the_code_is_kept(flag):
    assert beam_pipeline_args(flag) == ["--runner=FnApiRunner", flag]


@pytest.mark.parametrize(
    "flags",
    [
        "--runner=DaskRunner",
        "--runner apache_beam.runners.dask.dask_runner.DaskRunner",
    ],
)
def test_engine_that_loses_data_is_refused(flags):
    with pytest.raises(ValueError, match=f"loses data.*{flags}"):
        beam_pipeline_args(flags)


def test_quoted_values_stay_whole():
    assert "--labels=a b" in beam_pipeline_args('--labels="a b"')


@pytest.mark.parametrize(
    "flags", ["runner=FlinkRunner", "--a=b c", "-r FlinkRunner"]
)
def test_flag_without_its_dashes_is_an_error(flags):
    with pytest.raises(ValueError, match="begin with `--`"):
        beam_pipeline_args(flags)


def test_open_quotes_are_refused():
    with pytest.raises(
        ValueError, match="close its quotes.*received '--a=\"b'"
    ):
        beam_pipeline_args('--a="b')
