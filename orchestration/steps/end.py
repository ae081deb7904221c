"""`end`: the run's output, which must meet what its outcome promises."""

from orchestration.steps.set import settle as settle
