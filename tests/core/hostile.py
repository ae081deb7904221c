"""Hostile expressions, templates and prompts, each in a process of its own with little memory and little time.

Run as a program: prints one line of JSON for each entry of CORPUS, in order: "given" (a value), "refused" (with the codes) or
"failed" (an EvaluationError); "died" where a limit ended the process or anything else was raised.
"""

import json
import os
import resource
import sys
from typing import Any

from orchestration.core.errors import EvaluationError, Refused
from orchestration.core.expression import compile_condition, compile_value
from orchestration.core.prompt_text import compile_prompt

SECONDS = 5
MEMORY = 700_000_000

BIG = {
    "text": "a" * 1_000_000,
    "needle": "a" * 500_000 + "b",
    "list": list(range(9_999)),
    "words": ["a" * 1_000] * 1_000,
    "deep": {"x": {"x": {"x": {}}}},
}
EXPRESSIONS = [
    "1 + " * 5_000 + "1",
    "(" * 1_900 + "1" + ")" * 1_900,
    "[" * 1_900 + "]" * 1_900,
    "{'a':" * 600 + "1" + "}" * 600,
    "!" * 3_900 + "true",
    "-" * 3_900 + "1",
    "a" + ".a" * 1_900,
    "big" + "[0]" * 1_300,
    "true ? " * 500 + "1" + " : 1" * 500,
    "'" + "a" * 3_000 + "'",
    "'" * 3_999,
    "\\" * 3_999,
    "a\x00b",
    "'\ud800'",
    "`" * 100,
    "\u202e\u0000",
    "9" * 3_999,
    "0x" + "f" * 3_000,
    "['aa'].map(x, x + x + x + x + x + x)" + ".map(x, x + x + x + x + x + x + x + x)" * 20,
    "[1, 2].map(a, [1, 2].map(b, [1, 2].map(c, [1, 2].map(d, [1, 2].map(e, [1, 2].map(f, [1, 2].map(g, [1]))))))) ",
    "big.list.map(x, big.list)",
    "big.list.map(x, big.text)",
    "big.list.map(x, big.list.map(y, x * y))",
    "big.list.filter(x, x in big.list)",
    "big.list.map(x, x + 1)",
    "big.list.all(x, big.list.all(y, big.list.all(z, true)))",
    "big.words.map(w, w + w + w + w + w + w).map(w, w + w + w + w + w + w).map(w, w + w + w + w + w + w)",
    "big.text.contains(big.needle)",
    "big.text.indexOf(big.needle)",
    "big.text.replace('a', big.needle)",
    "big.text.replace('', big.text)",
    "'x'" + ".replace('x', 'xxxxxxxxxx')" * 100,
    "big.words.join(big.text)",
    "big.text.split('')",
    "big.text.matches('(a+)+$')",
    "big.text.matches('(a{1,1000}){1,1000}')",
    "big.list.exists(x, big.text.contains(big.needle))",
    "big.text" + " + big.text" * 30,
    "string(1e308) + string(9223372036854775807)",
    "duration('999999999999h')",
    "'%s'.format([big.text])",
    "google.protobuf.Any{}",
    "cel.bind(x, big, x)",
    "__import__('os').system('true')",
    "big.deep.__class__",
    "[].map(__p, __p)",
    "_pv0",
]
TEMPLATES = [
    "${" * 10_000,
    "${'" * 10_000,
    "${" + "{" * 100_000,
    "$" * 100_000,
    "${'''" * 5_000,
    "${r'" * 5_000 + "}",
    "${big.text}" * 3_000,
    "${" + "'a' + " * 1_000 + "'a'}",
    "${//}" * 10_000,
]
PROMPTS = [
    "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "{{ " + "[" * 20_000 + " }}",
    "{{ " + "not " * 5_000 + "x }}",
    "{{ " + "-" * 5_000 + "1 }}",
    "{{ " + "a." * 20_000 + "a }}",
    "{{ " + "a ~ " * 20_000 + "a }}",
    "{{ " + "a and " * 5_000 + "a }}",
    "{{ " + "a + " * 5_000 + "a }}",
    "{{ text" + " | upper" * 5_000 + " }}",
    "{% if text %}" * 1_000 + "{% endif %}" * 1_000,
    "{% if a %}" + "{% elif a %}" * 5_000 + "{% endif %}",
    "{% for x in list %}" * 30 + "{% endfor %}" * 30,
    "{% for x in list %}{{ text }}{% endfor %}",
    "{% for x in list %}{{ list | join | length }}{% endfor %}",
    "{% for x in list %}{{ list | sort | length }}{% endfor %}",
    "{% for x in list %}{{ text | upper | length }}{% endfor %}",
    "{{ words | join(text) }}",
    "{{ text }}" * 5_000,
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ range(1000000000) }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ deep.__class__ }}",
    "{{ text.format(text) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum(n=100000) }}",
    "{{ text | attr('__class__') }}",
    "{{ list | map('upper') | list }}",
    "{{ text | indent(1000000000) }}",
    "{{ text | center(1000000000) }}",
    "{{ text | round(1000000000) }}",
    "{{ list | first | round(1000000000) }}",
    "{{ text | truncate(-1) }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends text %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% set x = text %}{{ x }}",
    "{% call text() %}{% endcall %}",
    "{{ loop }}",
    "{% for x in list %}{{ loop }}{% endfor %}",
    "{{ text[::-1] }}" * 100,
    "{{ '\x00' }}",
    "{{ '\ud800' }}",
    "{# " * 20_000,
    "{% raw %}" * 20_000,
]


def _expression(source: str) -> Any:
    return compile_condition({"any": [f"dyn({source}) == 1"]}, {"big": {}}).evaluate({"big": BIG})


def _template(source: str) -> Any:
    return compile_value(source, {"big": {}}).evaluate({"big": BIG})


def _prompt(source: str) -> Any:
    return compile_prompt(source, None).render(BIG)


def _raw(source: str) -> Any:
    return compile_value({"x": "${" + source + "}"}, {"big": {}}).evaluate({"big": BIG})


CORPUS = [
    *((_raw, source) for source in EXPRESSIONS),
    *((_expression, source) for source in EXPRESSIONS),
    *((_template, source) for source in TEMPLATES),
    *((_prompt, source) for source in PROMPTS),
]


def _outcome(run: Any, source: str) -> list[Any]:
    try:
        run(source)
    except Refused as error:
        return ["refused", *sorted({problem.code for problem in error.problems}), len(error.problems)]
    except EvaluationError as error:
        return ["failed", len(str(error))]
    return ["given"]


def _alone(run: Any, source: str) -> str:
    """The outcome from a child with limits, as a line of JSON."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            os.write(writer, json.dumps(_outcome(run, source)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        line = answer.read()
    os.waitpid(child, 0)
    return line or '["died"]'


if __name__ == "__main__":
    for run, source in CORPUS:
        sys.stdout.write(_alone(run, source) + "\n")
