"""The README's code runs as it stands."""

import re


def readme_blocks(root):
    text = (root / "README.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_code_runs_as_it_stands(
    pytestconfig, tmp_path, monkeypatch, run_python
):
    code = "\n".join(readme_blocks(pytestconfig.rootpath)[:3])
    printed = run_python(
        f"import os; os.chdir({str(tmp_path)!r})\n{code}\n"
        "print(len(pseudo.rounds), scores['recall@1'])"
    )
    num_rounds, recall = printed.splitlines()[-1].split()
    assert int(num_rounds) == 2
    # 20 unseen classes of equal size: chance is 5%.
    assert float(recall) > 0.2
    for name in ("characters", "characters-scann"):
        assert (
            tmp_path / "saved_models" / name / "1" / "saved_model.pb"
        ).is_file()


def test_losses_table_names_every_loss(pytestconfig):
    import keras_dvml as kd

    text = (pytestconfig.rootpath / "README.md").read_text()
    listed = set(re.findall(r"^\| `(\w+Loss)` \|", text, flags=re.MULTILINE))
    public = {name for name in kd.losses.__all__ if name.endswith("Loss")}
    assert listed == public - {"MetricLoss", "ProxyLoss"}
    for path in re.findall(r"\]\((keras_dvml/[\w/.]+)\)", text):
        assert (pytestconfig.rootpath / path).is_file(), path
