"""A small definition that holds a step of each type that runs, for the reference of the format: whole, and cut up."""

import re

EXAMPLE = """\
interlock: 1
id: answer_mail
title: Answer mail
input:
  type: object
  required: [text, files]
  properties: {text: {type: string, maxLength: 8000}, files: {type: array, maxItems: 5, items: {type: string, maxLength: 8000}}}
outcomes: {answered: {kind: success}, left: {kind: failure}, broken: {kind: failure}}
on_failure: broken
escalation: {queue: mail, deadline: 2d, on_deadline: left}
models:
  main: {provider: default, model: gpt-5-mini, usd_per_mtok_in: 0.25, usd_per_mtok_out: 2}
limits: {cost_usd: 0.05, on_breach: ask}
tools:
  send:
    http: {method: POST, url: "https://desk.example/mail", headers: {Authorization: "Bearer ${secrets.desk}"}}
    effect: irreversible
    input: {type: object, required: [text], properties: {text: {type: string}}}
start: sort
steps:
  - id: sort
    type: llm
    model: main
    input: {text: "${run.input.text}"}
    prompt: "Is this mail a question? {{ text }}"
    max_input_tokens: 3000
    max_output_tokens: 100
    output: {type: object, required: [label], properties: {label: {enum: [question, other]}}}
    repair: {attempts: 1}
    catch: [{errors: ["*"], to: ask}]
    next: way

  - id: way
    type: branch
    cases: [{when: "steps.sort.label == 'question'", to: read, label: A question}]
    default: ask

  - id: read
    type: map
    over: "${run.input.files}"
    max_items: 5
    on_item_error: skip
    body:
      - id: sum_up
        type: llm
        model: main
        input: {file: "${item}"}
        prompt: "What does this say, in two sentences? {{ file }}"
        max_input_tokens: 3000
        max_output_tokens: 150
    output: "${steps.sum_up.text}"
    catch: [{errors: ["*"], to: ask}]
    next: write

  - id: write
    type: loop
    max: 3
    carry: {reply: "", score: 0.0}
    body:
      - id: draft
        type: llm
        model: main
        input: {text: "${run.input.text}", files: "${steps.read}", before: "${carry.reply}"}
        prompt: "Answer, and score your answer from 0 to 1. Mail: {{ text }} With it: {{ files }} Your last answer: {{ before }}"
        max_input_tokens: 4000
        max_output_tokens: 500
        output: {type: object, required: [reply, score], properties: {reply: {type: string}, score: {type: number}}}
        checks: [{that: "!output.reply.contains('[')", else: Leave no gaps}]
    update: {reply: "${steps.draft.reply}", score: "${steps.draft.score}"}
    until: "carry.score >= 0.8"
    progress: carry.score
    on_stalled: ask
    on_exhausted: ask
    catch: [{errors: ["*"], to: ask}]
    next: looks

  - id: looks
    type: parallel
    branches:
      - id: tone
        body:
          - id: kind
            type: llm
            model: main
            input: {reply: "${steps.write.reply}"}
            prompt: "Is this kind? {{ reply }}"
            max_input_tokens: 3000
            max_output_tokens: 50
            output: {type: object, required: [ok], properties: {ok: {type: boolean}}}
      - id: promises
        body:
          - id: legal
            type: llm
            model: main
            input: {reply: "${steps.write.reply}"}
            prompt: "Does this promise nothing that costs money? {{ reply }}"
            max_input_tokens: 3000
            max_output_tokens: 50
            output: {type: object, required: [ok], properties: {ok: {type: boolean}}}
    catch: [{errors: ["*"], to: ask}]
    next: fine

  - id: fine
    type: branch
    cases: [{when: "steps.looks.tone.ok && steps.looks.promises.ok", to: answer, label: Both are content}]
    default: ask

  - id: answer
    type: set
    values: {text: "${steps.write.reply}"}
    next: post

  - id: post
    type: tool
    tool: send
    input: {text: "${steps.answer.text}"}
    next: note

  - id: note
    type: workflow
    workflow: note_down@3
    input: {text: "${steps.answer.text}"}
    catch: [{errors: ["*"], to: thanks}]
    next: thanks

  - id: thanks
    type: wait
    event: mail.rated
    correlation: "${run.id}"
    output: {type: object, required: [stars], properties: {stars: {type: integer, minimum: 1, maximum: 5}}}
    deadline: 7d
    on_deadline: done
    next: done

  - id: ask
    type: human
    show: {Mail: "${run.input.text}"}
    form: {type: object, required: [reply], properties: {reply: {type: string, title: Reply, minLength: 20}}}
    actions:
      - {id: send, label: Send this reply, to: post_theirs}
      - {id: mine, label: It was answered elsewhere, to: done, form: ignored}
    queue: mail
    deadline: 2d
    on_deadline: unanswered

  - id: post_theirs
    type: tool
    tool: send
    input: {text: "${steps.ask.values.reply}"}
    next: done

  - id: done
    type: end
    outcome: answered

  - id: unanswered
    type: end
    outcome: left
"""


def step_of(kind: str) -> str:
    """The first step of this type as it stands in the example, "" where there is none."""
    for text in re.split(r"\n(?=  - id: |\Z)", EXAMPLE.partition("\nsteps:\n")[2]):
        if re.search(rf"^    type: {kind}$", text, re.MULTILINE):
            return "\n".join(line[2:] for line in text.strip("\n").split("\n"))
    return ""
