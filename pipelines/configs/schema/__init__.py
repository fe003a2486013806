"""What a run may be told: one frozen dataclass a concern."""

from pipelines.configs.schema.choices import (
    APPLICATIONS,
    EFFICIENTNETS,
    TERM_WEIGHTS,
    UNSUPERVISED,
    YARDSTICKS,
    MetricLoss,
    RetrievalScore,
    Strategy,
    backbone_kind,
)
from pipelines.configs.schema.run import (
    EvaluationConfig,
    IndexConfig,
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
)
from pipelines.configs.schema.train import TrainConfig
from pipelines.configs.schema.tune import TuneConfig
