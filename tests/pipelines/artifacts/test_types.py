import importlib
import re

import pytest

import pipelines


def test_importing_the_package_does_not_load_tfx(run_python):
    modules = run_python("import sys, pipelines; print(*sys.modules)").split()
    assert "tfx" not in modules


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Pseudonym"):
        _ = pipelines.Pseudonym


@pytest.mark.pipeline
@pytest.mark.parametrize("name", ["PseudoLabels", "Quarantine", "Report"])
def test_type_name_is_one_that_kubeflow_imports_the_type_by(name):
    artifact = getattr(pipelines, name)
    # The pattern of TFX's compiler for Kubeflow V2.
    assert re.fullmatch(
        r"[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}", artifact.TYPE_NAME
    )
    module, _, class_name = artifact.TYPE_NAME.partition(".")
    assert getattr(importlib.import_module(module), class_name) is artifact
