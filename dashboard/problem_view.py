"""The problems of a draft as pages and API show them: each with what would mend it, where that is known."""

from typing import Any

from orchestration.acts.workflows import Checked
from orchestration.core.fixes import fixes


def problems(checked: Checked) -> list[dict[str, Any]]:
    """`fixes` of each: {label, commands}; left out where there is none."""
    if checked.plan is None or checked.proof is None:
        return [problem.as_dict() for problem in checked.problems]
    found = []
    for problem in checked.problems:
        offered = [fix.as_dict() for fix in fixes(checked.plan, checked.proof.worst, problem)]
        found.append({**problem.as_dict(), **({"fixes": offered} if offered else {})})
    return found
