import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
TABLES = re.compile(r"<!-- runs.*?<!-- end -->", re.DOTALL)


def test_tables_take_their_places_and_the_rest_stays(tmp_path):
    import results

    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "new.md").write_text("| b |\n|---|\n| 2 |\n")
    text = (
        "# Speed\n\n<!-- runs/new.md -->\n\n| a |\n|---|\n| 1 |\n\n"
        "<!-- end -->\n\nBetween.\n\n<!-- runs/other.md -->\n\n| c |\n\n"
        "<!-- end -->\n"
    )
    replaced, missing = results.put_in_place(text, tmp_path)
    assert replaced == text.replace("| a |", "| b |").replace("| 1 |", "| 2 |")
    assert missing == ["runs/other.md"]
    # Once more changes nothing.
    assert results.put_in_place(replaced, tmp_path)[0] == replaced


@pytest.fixture(scope="module")
def document():
    return (ROOT / "benchmarks" / "RESULTS.md").read_text()


def test_each_benchmark_has_its_place_in_the_results(document):
    import bench

    measured = [
        *("runs/accuracy_glyphs/scores.md", "runs/dvml_divergence.md"),
        *("runs/real_images/scores.md", "runs/real_images/sets.md"),
        *("runs/bench/beside_peers.md", "runs/bench/summary.md"),
        *(f"runs/bench/{one.name}.md" for one in bench.BENCHMARKS),
    ]
    places = re.findall(r"^<!-- (runs/\S+) -->$", document, re.MULTILINE)
    assert sorted(places) == sorted(measured)
    assert document.count("<!-- end -->") == len(places)
    # No table stands where no command puts it.
    assert not re.search(r"\|\s*---", TABLES.sub("", document))


def test_intervals_in_prose_are_in_the_tables(document):
    tables = "".join(TABLES.findall(document))
    prose = TABLES.sub("", document) + (ROOT / "README.md").read_text()
    intervals = re.findall(r"\d+\.\d ± \d+\.\d", prose)
    assert len(intervals) >= 8
    assert [one for one in intervals if one not in tables] == []
