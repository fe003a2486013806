import numpy as np


def test_rows_differ_in_what_their_names_say():
    import dvml_divergence

    paper = dvml_divergence.ROWS["weights 1 and 0.8"]
    assert paper.model == {"prior_weight": (1.0, 0.8)}
    for name, row in dvml_divergence.ROWS.items():
        if name.startswith("the same"):
            # One thing and no more.
            changed = {
                **{
                    key: row.model[key]
                    for key in row.model.keys() - {*paper.model}
                },
                **(
                    {"phases": row.phases} if row.phases != paper.phases else {}
                ),
            }
            assert len(changed) == 1, name
    assert dvml_divergence.ROWS["no divergence"].model["prior_weight"] == 0.0


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
        assert 0 <= map_at_r <= recall <= 100
        sigma, length, cosine = dvml_divergence.variation(model, images)
        assert length > 0 and -1 <= cosine <= 1
        spreads.append(sigma)
    assert spreads[0] > spreads[1]
    assert np.isfinite(spreads).all()
