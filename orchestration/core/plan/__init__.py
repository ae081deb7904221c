"""A definition, checked and compiled: what the engine runs and the proof reads.

`compile_plan(definition, catalog)` never raises for a wrong definition: it returns the plan as far as it could be built
and the problems found on the way (wrong expressions, templates, schemas, names). A plan with an error among its problems
is not run. Types flow forward: what an expression may read is typed by the contracts of the steps before it.

    level      the container whose body a step stands in, "" for the root
    sight      root name → JSON Schema of what an expression there may read
    use        one place of a step that reads: at `enter` before the step runs, `leave` when it has, `round` at the end
               of a loop's round

Files: `parts` (the frozen shapes), `sight` (what may be read where, and what each step gives), `compiler` (the whole),
`steps` (one step), `places` (what is in sight, one by one), `enough` (how many child runs have to be done).
"""

from orchestration.core.plan.compiler import compile_plan, own_tool, secret_names
from orchestration.core.plan.parts import Fan, Loop, ModelPlan, Moment, Plan, PlanStep, Rung, Use

__all__ = ["Fan", "Loop", "ModelPlan", "Moment", "Plan", "PlanStep", "Rung", "Use", "compile_plan", "own_tool", "secret_names"]
