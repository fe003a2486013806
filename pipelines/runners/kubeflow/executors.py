"""The evaluators as TFX's container for Kubeflow V2 knows them.

There artifacts have names instead of numbers. TFX's container writes the names
into a blessing, so that a later run finds the model that was blessed, but only
for executors that are subclasses of its own Evaluator's.
"""

# TFX makes components of functions, which a type checker does not see.
# pyright: reportAttributeAccessIssue=false

from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.base_node import BaseNode

from pipelines.evaluation import copy_evaluator, retrieval_evaluator


class RetrievalEvaluatorExecutor(
    retrieval_evaluator.RetrievalEvaluator.EXECUTOR_SPEC.executor_class,
    tfx_evaluator.Executor,
):
    """`RetrievalEvaluator`, and an Evaluator in the eyes of TFX."""


class CopyEvaluatorExecutor(
    copy_evaluator.CopyEvaluator.EXECUTOR_SPEC.executor_class,
    tfx_evaluator.Executor,
):
    """`CopyEvaluator`, and an Evaluator in the eyes of TFX."""


_MANAGED = (RetrievalEvaluatorExecutor, CopyEvaluatorExecutor)


def managed_executor(component: BaseNode) -> type[BaseExecutor] | None:
    """Returns the class to run a component by on V2, where it is another.

    Args:
        component: of a pipeline.
    """
    own = getattr(component.executor_spec, "executor_class", None)
    for managed in _MANAGED:
        if managed.__bases__[0] is own:
            return managed
    return None
