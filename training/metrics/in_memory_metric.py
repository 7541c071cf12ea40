"""A base for metrics that need neither the network nor a writable cache."""

import tempfile
from typing import Any, ClassVar

import datasets
import evaluate


class InMemoryMetric(evaluate.Metric):
    """A local `evaluate.Metric`: works offline, and with `evaluate.combine`.

    `evaluate.load` is not used because it runs code from the Hub and fails without a network. Subclasses set
    `prediction` and `reference` (the features of one row) and write `_compute`.
    """

    prediction: ClassVar[Any]
    reference: ClassVar[Any]

    def __init__(self, **options: Any):
        # evaluate makes its cache folder even when it keeps the rows in memory, and a home may be read-only.
        super().__init__(**{"keep_in_memory": True, "cache_dir": tempfile.gettempdir(), **options})

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "",
            citation="",
            inputs_description="",
            features=datasets.Features({"predictions": self.prediction, "references": self.reference}),
        )
