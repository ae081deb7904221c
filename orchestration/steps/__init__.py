"""The step types: one small file each, slice in, result out; never the database.

`PURE` are settled on the spot: (step, environment) → (input, Result). `CALLS` ask somebody: each has `given` (the slice as the
step's input), `request` (the exact request) and `read` (what an answer means).
"""

from orchestration.steps import branch, end, llm, set, tool

PURE = {"branch": branch.settle, "set": set.settle, "end": end.settle}
CALLS = {"llm": llm, "tool": tool}
