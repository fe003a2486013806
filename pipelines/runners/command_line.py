"""What the command lines of all runners share: which run, and changes to it."""

import argparse
import ast
import dataclasses
import pathlib
import textwrap

from pipelines import configs
from pipelines.configs import PipelineConfig, config_names, load_config
from pipelines.configs.schema.overrides import (
    apply_overrides,
    did_you_mean,
    settable_fields,
)

_WIDTH = 78


def config_parser(prog: str, description: str) -> argparse.ArgumentParser:
    """Returns a parser of the arguments that choose and change a run.

    Args:
        prog: the command.
        description: what it does.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="NAME",
        help="what to run; see the list below",
    )
    parser.add_argument(
        "--images",
        metavar="PATH",
        help="of folder_dvml: a folder with a sub-folder a class; of "
        "folder_udml: one in any order; of both also a .csv or .parquet table; "
        "of data sets that cannot be downloaded: the folder of their archives",
    )
    parser.add_argument(
        "--name",
        help="name of the model (default: the data set's or folder's)",
    )
    parser.add_argument(
        "--max-bad-fraction",
        type=float,
        metavar="SHARE",
        help="share of bad files, 0..1, that the run tolerates",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="overrides",
        help="change a field of the run, such as train.epochs=2; may be given "
        "several times",
    )
    parser.add_argument(
        "--beam-pipeline-args",
        default="",
        metavar='"FLAGS"',
        help="what the steps on Beam run with, such as "
        '"--direct_running_mode=multi_processing --direct_num_workers=2"; '
        "pipelines/runners/beam_flags.py has those of Dataflow, Flink and "
        "Spark",
    )
    return parser


def config_of(args: argparse.Namespace) -> PipelineConfig:
    """Returns the run that parsed arguments ask for.

    Args:
        args: what a `config_parser` parsed.

    Raises:
        ValueError: for a name or field there is not, or a wrong value.
    """
    names = config_names()
    if args.config not in names:
        raise ValueError(
            f"`config` must be one of {', '.join(names)}; received "
            f"config={args.config!r}." + did_you_mean(args.config, names)
        )
    config = load_config(args.config, args.images)
    if args.name:
        config = dataclasses.replace(config, name=args.name)
    overrides = args.overrides
    if args.max_bad_fraction is not None:
        share = f"ingest.max_bad_fraction={args.max_bad_fraction}"
        overrides = [share, *overrides]
    return apply_overrides(config, overrides)


def _epilog() -> str:
    width = max(map(len, config_names()))
    runs = [f"  {name:{width}}  {_first_line(name)}" for name in config_names()]
    fields = textwrap.fill(
        ", ".join(settable_fields()),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    heading = "fields for --set, explained in pipelines/configs/schema:"
    return "\n".join(["runs:", *runs, "", heading, fields])


def _first_line(name: str) -> str:
    # Read, not imported: a run may come to import what takes its time.
    path = pathlib.Path(configs.__file__).with_name(f"{name}.py")
    documentation = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    return (documentation or "").partition("\n")[0]
