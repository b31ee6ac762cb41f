"""Full replication: every name at its index weight. Methodology 4.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.engines.replication.request import bounded

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.replication.request import ReplicationRequest

__all__ = ["METHOD", "Full"]


@dataclass(frozen=True)
class Full:
    """w = b x (1 - cash); limits cut and refill pro rata."""

    name: str = "full"

    def weights(self, request: ReplicationRequest) -> FloatArray:
        """See `request.Method`."""
        total = exact_sum(request.benchmark) * (1.0 - request.cash)
        if request.lower is None and request.upper is None:
            return request.benchmark * (1.0 - request.cash)
        proportions = np.where(request.eligible, request.benchmark, 0.0)
        return bounded(proportions, request.floor, request.ceiling, total)


METHOD = Full()
