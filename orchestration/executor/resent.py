"""A call that is sent again, because the worker that had sent it was gone before an answer was recorded.

It is no new attempt: one row, one key, the same bytes. So its row says when it was sent again and why, in a commit that precedes
the sending as an intent does. Nobody knows whether the sending that was lost had left, nor what came of it.
"""

from orchestration.core.ladder import CallFact
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held
from orchestration.executor.written import Intent
from orchestration.record.rows import ResendingRow

DIED, ENDED = "died", "ended"
"""What became of that worker: it was lost, or it was told to end and could not wait."""


async def note(desk: Desk, held: Held, fact: CallFact, intent: Intent) -> int:
    """Commits that it is sent again; how many sendings were lost by now. Look at `held.asked` after it."""
    now = desk.clock.now()
    path, visit = held.visit_key
    why = DIED if held.row.suspicion or held.row.deaths else ENDED
    resent = [*intent.resent, [now.isoformat(), why]]
    held.resendings.append(ResendingRow(held.pack(resent), held.run_id, path, visit, fact.n))
    await desk.commit(held, held.holding(now, intent.request.timeout))
    return len(resent)
