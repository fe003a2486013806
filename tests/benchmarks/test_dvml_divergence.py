import numpy as np
import pytest


def test_rows_are_what_their_names_say():
    import dvml_divergence

    paper = {"prior_weight": (1.0, 0.8)}
    expected = {
        "triplet alone": (None, 2),
        "weights 1 and 0.8": (paper, 2),
        "the same, no reconstruction": (
            {**paper, "reconstruction_weight": 0.0},
            2,
        ),
        "the same, no synthetic loss": ({**paper, "synthetic_weight": 0.0}, 2),
        "the same, 1 draw": ({**paper, "num_samples": 1}, 2),
        "the same, phase 1 only": (paper, 1),
        "weight 0.1": ({"prior_weight": 0.1}, 2),
        "weight 0.01": ({"prior_weight": 0.01}, 2),
        "no divergence": ({"prior_weight": 0.0}, 2),
    }
    rows = dvml_divergence.ROWS
    assert {n: (row.model, row.phases) for n, row in rows.items()} == expected


@pytest.mark.slow
def test_a_heavier_divergence_strews_farther():
    import dvml_divergence
    import glyph_runs

    settings = glyph_runs.Settings(
        **{"pretraining_steps": 1, "steps": 40, "steps_per_round": 20},
        **{"widths": (4, 8), "num_classes": 12, "images_per_class": 5},
        validation=True,
    )
    images, labels = glyph_runs.load_split("test", settings)
    weights = dvml_divergence.pretrained_weights(settings, 0)
    spreads = []
    for name in ("weights 1 and 0.8", "no divergence"):
        row = dvml_divergence.ROWS[name]
        model = dvml_divergence.adapted_model(row, weights, settings, 0)
        recall, map_at_r = dvml_divergence.retrieval(model, images, labels)
        # Near chance, either may be the larger.
        assert 0 <= map_at_r <= 100 and 0 <= recall <= 100
        sigma, length, cosine = dvml_divergence.variation(model, images)
        assert length > 0 and -1 <= cosine <= 1
        spreads.append(sigma)
    assert spreads[0] > spreads[1]
    assert np.isfinite(spreads).all()
