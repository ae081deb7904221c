"""The sentences of the format's reference, in the order in which it is read. The keys, their types and defaults come from the
models (`format_view`); a test fails where a key has no sentence here, or a sentence no key. `code` stands in backticks."""

from orchestration.core.definition import (
    MAX_TOOL_CALLS_PER_ROUND,
    Action,
    Arm,
    BranchStep,
    CallStep,
    Case,
    Catch,
    Check,
    EndStep,
    Escalation,
    Fallback,
    HttpCall,
    HumanStep,
    Limits,
    LlmStep,
    LoopStep,
    MapStep,
    ModelRef,
    Outcome,
    ParallelStep,
    Repair,
    Retry,
    SetStep,
    StepBase,
    ToolDefinition,
    ToolStep,
    WaitStep,
    Workflow,
    WorkflowStep,
)
from orchestration.core.errors import ErrorCode
from orchestration.core.fields import Model

Keys = dict[str, str]

ANYWHERE: Keys = {
    "next": "The step that follows. Inside a loop, a map or an arm, a step without it ends the round, the item or the arm.",
    "catch": "Where failures go that it could not mend: the first that fits, else that of the loop around it, else `on_failure`.",
    "type": "What kind of step it is.",
}
"""Keys that mean the same wherever they stand, unless it is said otherwise there."""

DOCUMENT: dict[type[Model], tuple[str, str, Keys]] = {
    Workflow: (
        "The top level",
        "A definition is one mapping, in YAML or JSON. Anchors, aliases and duplicate keys are refused.",
        {
            "interlock": "The version of this format.",
            "id": "Names the workflow for good.",
            "title": "What people call it.",
            "note": "What it is for, shown above its outline.",
            "input": "The contract of what a run is started with; the form to start one is made from it.",
            "outcomes": "The named ends of a run.",
            "on_failure": "The outcome, of kind `failure`, for whatever nothing else catches.",
            "escalation": "Where questions go that no step of the workflow asks: unknown effects, limits, quarantine.",
            "models": "The models that steps name, each by its provider.",
            "limits": "What a run may come to at most.",
            "tools": "HTTP tools of this workflow alone. Others are shared, and named by steps all the same.",
            "start": "The step that a run begins with.",
            "steps": "The steps, in any order.",
            "layout": "Where a picture of it has its parts. It changes nothing, and no hash.",
            "tests": "Cases to try it with. They are kept, and can't be run yet.",
            "index": "Paths of a run's data that lists could be filtered by. Kept, and nothing is done with it yet.",
            "redact": "Paths that should not be stored. Nothing is redacted yet, so publishing refuses it.",
        },
    ),
    Outcome: (
        "An outcome",
        "Where a run can end. One of kind `failure` makes its status `failed`.",
        {
            "kind": "Whether the run has succeeded.",
            "title": "What people call it.",
            "output": "What a run gives that ends so; the `end` step has to meet it.",
        },
    ),
    ModelRef: (
        "A model",
        "A name that steps use, for a model of a provider that the settings hold.",
        {
            "provider": "The provider's name.",
            "model": "What the provider calls it; else its default model.",
            "params": "What every request carries besides, as `temperature`. What another key says can't stand here too.",
            "usd_per_mtok_in": "Dollars for a million tokens in. It wins over the provider's price.",
            "usd_per_mtok_out": "Dollars for a million tokens out.",
        },
    ),
    Limits: (
        "Limits",
        "They are met before the call that would break them, by what it could cost at most. Below the worst case of a run they "
        "have arms and items begin as there is room for all that each may come to. An arm that has to listen, so as to cancel "
        "the others, needs limits that leave room for all arms.",
        {
            "cost_usd": "Dollars. Every model that is asked needs a price then.",
            "machine_time": "The time of all calls together. Waiting, for people too, does not count.",
            "steps": "How many step records.",
            "on_breach": "The step that the run goes on with, once.",
        },
    ),
    Escalation: (
        "Escalation",
        "How the engine's own questions are asked.",
        {
            "queue": "The queue of the inbox.",
            "deadline": "How long a person has.",
            "on_deadline": "The outcome, when that is over.",
            "priority": "`low`, `normal`, `high`, `urgent`, or a number.",
        },
    ),
    ToolDefinition: (
        "An HTTP tool",
        "It stands under `tools`, or is shared over the settings in the same shape.",
        {
            "title": "What people call it.",
            "description": "What it does, for people and for models that may use it.",
            "http": "The request. Its templates see `input`, `key` and `secrets`.",
            "effect": "What it does to the world; see Effects.",
            "input": "The contract of its input.",
            "output": "The contract of its answer. What breaks it is `invalid_output`.",
            "timeout": "How long it may take, connecting and reading included.",
            "reconcile": "For `reconcilable`: the request that asks whether it happened. 404 is no.",
        },
    ),
    HttpCall: (
        "A request",
        "What is sent. A value in the URL is percent-encoded, so that data can't change where it leads.",
        {
            "method": "The HTTP method.",
            "url": "Where to, with `${input.x}` in it where needed.",
            "headers": "Each text, as `Bearer ${secrets.desk}`. A credential that is written out is refused.",
            "body": "What is sent as JSON. Without it: the input, or for GET, HEAD and DELETE the input as query.",
        },
    ),
}

SHARED: dict[type[Model], tuple[str, str, Keys]] = {
    StepBase: (
        "Every step",
        "Keys that each step has, whatever its type.",
        {
            "id": "Its only name in expressions and routes.",
            "title": "What people call it; else its id in words.",
            "note": "Why it is there, shown beside it.",
            "expects": "The contract of its input. Else a tool's comes with the tool, or it is read off what the step reads.",
        },
    ),
    CallStep: (
        "Steps that call",
        "Keys that `llm` and `tool` share: what goes in, what has to come out, and the ladder where it does not.",
        {
            "input": "The step's own input: values of the run. A prompt reads it and nothing else.",
            "output": "The contract of what comes back.",
            "checks": "Conditions that the output has to meet besides, each with what is said where it doesn't.",
            "repair": "Asking again after an answer that broke the contract or a check, told what was wrong.",
            "retry": "Sending the same again.",
            "fallback": "What comes when all of that is used up: other models, or a step in its place.",
            "on_unknown": "The step that follows where nobody knows whether it happened; else a person is asked.",
        },
    ),
    Retry: (
        "Retry",
        "One budget over a rung of the ladder, repairs included. Waiting gives the run back; nothing is held.",
        {
            "attempts": "How often at most, the first included.",
            "errors": "The errors after which it is sent again.",
            "backoff": "The first wait.",
            "factor": "By how much each wait is longer than the one before.",
            "max_backoff": "The longest wait, unless the other side asks for more.",
        },
    ),
    Repair: ("Repair", "For answers of models.", {"attempts": "How many extra asks."}),
    Fallback: (
        "A fallback",
        "One of the two. A model starts repairs and retries afresh; a step runs in place, under the failing step's contract.",
        {"model": "A model of this workflow.", "step": "A step beside it. Its `next` is not followed."},
    ),
    Catch: (
        "A catch",
        "Where some failures go.",
        {"errors": 'The errors it takes; `"*"` is all of them but `unknown`.', "to": "The step that follows. It sees `error`."},
    ),
    Check: (
        "A check",
        "It sees the step's own `input` and `output`.",
        {"that": "What has to hold.", "else": "What is said, to the model and in the record, where it doesn't."},
    ),
}

TYPES: dict[type[Model], tuple[str, Keys]] = {
    LlmStep: (
        "Asks a model. Without `output` it gives `{text}`; with `tools` it may use them, round after round.",
        {
            "model": "A model of this workflow.",
            "system": "The system message, a template as the prompt is.",
            "prompt": "The message: Jinja over the step's own input, `{{ text }}`.",
            "params": "What its requests carry besides.",
            "max_input_tokens": "A cap on the prompt. Without it the dollars of a run are not bounded.",
            "max_output_tokens": "A cap on the answer.",
            "tools": "Tools that the model may ask for, by name.",
            "max_rounds": "How often the model is asked at most, over its whole ladder. Needed with `tools`. In each round but "
            f"the last it may ask for {MAX_TOOL_CALLS_PER_ROUND} tools at most; those of the last don't run.",
            "timeout": "How long one ask may take.",
        },
    ),
    ToolStep: (
        "Calls a tool: one of this workflow's own, a shared one, or a Python function.",
        {"tool": "Its name, as `crm.get_customer`.", "timeout": "How long a call may take; else as the tool says."},
    ),
    BranchStep: (
        "Goes where the first case that holds leads. It writes nothing.",
        {"cases": "Tried in order.", "default": "The step where none holds."},
    ),
    SetStep: (
        "Computes values.",
        {"values": "The values that are its output.", "output": "A contract that they have to meet."},
    ),
    LoopStep: (
        "Repeats its body, with a bound. After each round: is `until` met; else, has it stalled; else, is it exhausted.",
        {
            "body": "The steps of a round; it begins with the first. Routes stay inside; `continue` ends the round, `break` the "
            "loop.",
            "max": "How many rounds at most.",
            "carry": "What the first round finds in `carry`.",
            "update": "What the next round finds there.",
            "until": "Where it holds, the loop is done.",
            "progress": "An expression, as `carry.score`: a number that has to be greater than in the round before.",
            "output": "What is seen outside; else `carry`.",
            "on_exhausted": "The step after the last round without `until`. Without it that is the failure `limit`.",
            "on_stalled": "The step after a round without progress. Needs `progress`.",
        },
    ),
    HumanStep: (
        "Asks a person, with a form. Its output is `{action, values, by}`.",
        {
            "form": "What is to be filled in.",
            "values": "What the form opens with: the proposal.",
            "show": "What is shown beside it: label to value.",
            "actions": "The buttons. Each leads somewhere.",
            "queue": "The queue of the inbox.",
            "priority": "`low`, `normal`, `high`, `urgent`, or a number.",
            "deadline": "How long a person has.",
            "on_deadline": "The step that follows when that is over.",
            "remind": "Reminders. Nobody is reminded yet, so publishing refuses it.",
        },
    ),
    EndStep: (
        "Ends the run.",
        {"outcome": "Which end this is.", "output": "What the run gives, by the outcome's contract."},
    ),
    MapStep: (
        "Runs its body for each item of a list, several at once, each in a run of its own.",
        {
            "over": "An expression for the list. A longer one than `max_items` fails with `limit`.",
            "body": "The steps for one item, which stands in `item`, its place in `index`. Routes stay inside; `continue` ends "
            "the item, which is done then.",
            "max_items": "How many items at most.",
            "concurrency": "How many at once.",
            "need": "How many have to succeed, as a number or a share (`80%`). Else all; with `skip` or `collect`, none.",
            "on_item_error": "Whether an item that fails fails the step, is left out, or is collected beside the others.",
            "output": "What an item gives; else the output of its last step. Outside the list of these is seen; with `collect` "
            "a list of `{index, ok, value}` or `{index, ok, error}`.",
        },
    ),
    ParallelStep: (
        "Runs its arms at once, each in a run of its own. Outside it gives what each arm gave, by the arm's id.",
        {
            "branches": "The arms.",
            "join": "How many of them have to be done: all, any, or a number. The others are then cancelled.",
        },
    ),
    WaitStep: (
        "Waits for a moment, or for an event that comes over `POST /api/v1/events`. An event goes to the run that has waited "
        "longest for its name and correlation, or is kept for 30 days. A moment gives `{until}`.",
        {
            "until": "The moment: a time with its zone, as `2026-01-31T08:00:00Z`, or a duration from when it begins, as `2d`; a "
            "number is seconds. It lies 366 days ahead at most; one that has passed, as `0s`, is not waited for.",
            "event": "The event's name, as `payment.received`.",
            "correlation": "Which of these events is meant: text, a number, true or false, as `${run.input.order}`. "
            "Text and number differ.",
            "output": "The contract of what the event brings, its payload. What breaks it is `invalid_output`.",
            "deadline": "How long at most. Needed with `event`.",
            "on_deadline": "The step that follows when that is over. Needed with `deadline`.",
        },
    ),
    WorkflowStep: (
        "Runs a published version of another workflow, in a run of its own, and gives `{outcome, output}`. An outcome that is a "
        "failure fails the step, with the error of that run, or else with `tool_error`.",
        {"workflow": "Which, as `id@version`. It has to be published.", "input": "What it is started with, by its contract."},
    ),
}

PARTS: dict[type[Model], tuple[str, str, Keys]] = {
    Case: ("A case", "Of a branch.", {"when": "What has to hold.", "to": "The step that follows.", "label": "In words."}),
    Arm: (
        "An arm of a parallel",
        "Steps that run beside those of the other arms.",
        {
            "id": "Its name, among those of the steps: what it gives stands under it.",
            "title": "What people call it; else its id in words.",
            "note": "Why it is there, shown beside it.",
            "body": "Its steps; it begins with the first. Routes stay inside; `continue` ends the arm, which is done then.",
            "output": "What it gives; else the output of its last step.",
        },
    ),
    Action: (
        "An action",
        "Of a `human`.",
        {
            "id": "What the answer says.",
            "label": "What its button says.",
            "to": "The step that follows.",
            "form": "Whether what was filled in has to be right, or is left aside.",
        },
    ),
}

SIGHT: tuple[tuple[str, str, str], ...] = (
    ("run.input", "everywhere", "What the run was started with."),
    ("run.id", "everywhere", "The run's own id."),
    ("steps.X", "after X, on every path", "The output of step X."),
    ("carry", "in a loop's body", "What the round before left there."),
    ("iter.index", "in a loop's body", "The number of the round, from 1."),
    ("item, index", "in a map's body", "The item, and its place in the list, from 0."),
    ("error.code, error.message, error.step", "where a catch led", "What failed, and where."),
    ("input, output", "in checks", "The step's own. A tool's templates see its `input` too."),
    ("key, secrets.X", "in a tool's templates", "The call's key, and a secret, filled in when the request leaves."),
)
"""(name, where it is in sight, what it is)"""

ERRORS: dict[ErrorCode, str] = {
    ErrorCode.TIMEOUT: "Nothing came in time; also HTTP 408.",
    ErrorCode.UNAVAILABLE: "Not reachable, a broken connection, or HTTP 5xx.",
    ErrorCode.RATE_LIMITED: "Too many requests: HTTP 429.",
    ErrorCode.AUTH: "Access denied: HTTP 401 and 403.",
    ErrorCode.NOT_FOUND: "It is not there: HTTP 404 and 410.",
    ErrorCode.REFUSED: "The other side said no: another 4xx, a model's refusal or filter, a quota that is spent.",
    ErrorCode.INVALID_OUTPUT: "The answer broke the contract or a check, or was none.",
    ErrorCode.TOO_LARGE: "The answer was larger than what is kept.",
    ErrorCode.EXPRESSION: "An expression or template failed on the values it was given.",
    ErrorCode.LIMIT: "The rounds of a model with tools, or of a loop, were used up.",
    ErrorCode.TOOL_ERROR: "A Python tool raised, or its process died.",
    ErrorCode.UNKNOWN: "Nobody knows whether it happened. It is never caught: `on_unknown`, else a person.",
}

EFFECTS: dict[str, str] = {
    "none": "It changes nothing. After a crash it is sent again.",
    "idempotent": "The same bytes with the same key do it once. After a crash they are sent again.",
    "reconcilable": "The other side can be asked whether it happened, by `reconcile`. It is asked before anything is sent again.",
    "irreversible": "It can't be undone. After a crash, a deadline or a 5xx a person is asked whether it happened.",
}

LADDER: tuple[tuple[str, str], ...] = (
    ("Attempt", "The call is made."),
    ("Repair", "What broke the contract or a check is asked for again, with what was wrong: `repair.attempts` times."),
    ("Retry", "What failed on the way is sent again after a wait: `retry.attempts` in all, over this rung, repairs included."),
    ("Fallback", "The next model, which starts both afresh, or a simpler step in its place."),
    ("Catch", "The first `catch` that takes the last rung's error, then the container's."),
    ("On failure", "The workflow's `on_failure`: the run ends in that outcome."),
)
