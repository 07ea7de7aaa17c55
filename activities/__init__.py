"""Every consumer of this project, and what they share."""

from .example import ExampleConsumer
from .library import lifespan
from .my_feature import MyFeatureConsumer
from .report import (
    DiskFiguresConsumer,
    PackageFiguresConsumer,
    PublishReportConsumer,
    SystemFiguresConsumer,
)

ACTIVITIES = (
    ExampleConsumer,
    MyFeatureConsumer,
    SystemFiguresConsumer,
    DiskFiguresConsumer,
    PackageFiguresConsumer,
    PublishReportConsumer,
)

LIFESPAN = lifespan

__all__ = ["ACTIVITIES", "LIFESPAN"]
