import pytest


@pytest.fixture
def figure():
    import figures

    def make(claim, case, ours, **others):
        shared = {"unit": "ms", "against": "peer", "environment": "TF 2.20"}
        return figures.Figure(claim, case, ours, **{**shared, **others})

    return make


def test_the_table_has_the_worst_case_of_each_claim(figure):
    import summary

    records = {
        "losses": (
            "",
            [
                figure("loss", "n_pair", 1.0, peer=2.0, floor=0.5, bar=1.0),
                figure(
                    *("loss", "circle", 1.2),
                    **{"peer": 1.0, "peer_name": "torch", "bar": 1.0},
                ),
            ],
        ),
        "clustering": (
            "",
            [
                figure(
                    *("memory", "faiss", 288.4),
                    **{"unit": "MiB", "against": "limit", "bar": 2048},
                ),
                figure("no claim", "here", 3.0, peer=2.0),
            ],
        ),
    }
    _, _, loss, memory, unclaimed = summary.table(records).splitlines()
    assert loss == (
        "| losses | TF 2.20 | loss | circle | 1.2 ms | 1 ms torch |  "
        "| 1.20 of peer | 1 | 1 of 2 |"
    )
    assert memory == (
        "| clustering | TF 2.20 | memory | faiss | 288 MiB |  |  |  "
        "| 2,048 MiB | 1 of 1 |"
    )
    assert unclaimed == (
        "| clustering | TF 2.20 | no claim | here | 3 ms | 2 ms |  "
        "| 1.50 of peer |  |  |"
    )
    assert summary.missed(records).splitlines() == [
        *("Missed:", "", "- losses, TF 2.20, loss: circle, 1.2 instead of 1"),
    ]


def test_the_short_table_has_the_times_beside_peers(figure):
    import summary

    losses = [
        figure("loss", "a", ours, peer=2.0, bar=1.0) for ours in (1, 2, 4)
    ]
    left_out = [
        figure("inertia", "a", 1.0, peer=1.0, bar=1.0, unit=""),
        figure("no aim", "a", 1.0, peer=1.0),
        figure("floor", "a", 1.0, peer=1.0, floor=1, bar=1, against="floor"),
    ]
    records = {"one": ("", losses[:1] + left_out), "two": ("", losses[1:])}
    _, _, row = summary.beside_peers(records).splitlines()
    assert row == "| loss | TF 2.20 | 1.00 | 0.5 | 2.00 | 3 |"


def test_a_claim_has_a_row_in_each_environment(figure):
    import summary

    old = figure("step", "CNN", 2.0, peer=1.0, bar=1.0, environment="TF 2.15")
    new = figure("step", "CNN", 3.0, peer=1.0, bar=1.0)
    records = {"training_step": ("", [old, new])}
    _, _, *rows = summary.table(records).splitlines()
    assert [row.split(" | ")[1] for row in rows] == ["TF 2.15", "TF 2.20"]
    _, _, *rows = summary.beside_peers(records).splitlines()
    assert [row.split(" | ")[2] for row in rows] == ["2.00", "3.00"]
