"""Prompts: Jinja over a step's own input, and nothing else.

What is text prints as it is; everything else prints as JSON, keys sorted, so that the same input always gives the same prompt
(null is `null`, true is `true`, the double 3.0 is `3`). A line that holds a tag alone leaves no empty line. What isn't there
can't be printed: ask with `is defined`, or give a `default`.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from orchestration.core.cel_places import Read
from orchestration.core.errors import EvaluationError, Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.prompt_check import FILTERS, LOOP, TESTS, PromptCheck
from orchestration.core.prompt_faults import explain
from orchestration.core.sanitiser import clean_text
from orchestration.core.schema import Schema
from orchestration.core.values import canonical, dump, load

MOST_SOURCE = 100_000
MOST_OUTPUT = 1_000_000
MOST_ROUNDS = 10_000
MOST_WORK = 500_000


@dataclass(frozen=True)
class PromptText:
    """A prompt that may be used. `reads` are the places of the step's input that it reads. What renders it is compiled when it is
    first rendered, and kept: it costs as much as all that was checked, and a definition with many prompts is checked often."""

    source: str
    reads: tuple[Read, ...]

    @cached_property
    def _template(self) -> Template:
        tree = _ENVIRONMENT.parse(self.source)
        _bound(tree)
        return Template.from_code(_ENVIRONMENT, _ENVIRONMENT.compile(tree), {})

    def render(self, values: Mapping[str, Any]) -> str:
        """The text on these values. Raises EvaluationError, also past a million characters or ten thousand rounds of a loop."""
        pieces: list[str] = []
        size = 0
        try:
            template = self._template
            _LEFT.set([MOST_WORK])
            for piece in template.generate(dict(values)):
                size += len(piece)
                if size > MOST_OUTPUT:
                    raise _TooLong(f"it is longer than {MOST_OUTPUT:,} characters. Put less into it")
                pieces.append(piece)
        except Exception as error:  # templates fail in as many ways as Python does, and each is the prompt's own failure
            raise EvaluationError(f"The prompt could not be written: {_reason(error)}") from None
        return "".join(pieces)


def compile_prompt(source: str, schema_of_input: Schema | None, path: str = "") -> PromptText:
    """Check a prompt over values of this schema (None: nothing is known of them). Raises `Refused`; codes: `template_syntax`,
    `template_forbidden`, `unknown_reference`, `optional_unguarded`. The `line` of a problem is that of the prompt itself, from 1.
    What passes can be compiled."""
    if not isinstance(source, str) or len(source) > MOST_SOURCE:
        raise Refused(Problem("template_syntax", f"a prompt is text of at most {MOST_SOURCE:,} characters", path))
    if clean_text(source).marks:
        raise Refused(Problem("template_syntax", "the prompt holds a NUL or a lone surrogate. Remove it", path))
    return _compiled(source, dump(schema_of_input), path) if "{" in source else PromptText(source, ())


@lru_cache(maxsize=512)
def _compiled(source: str, schema_of_input: str, path: str) -> PromptText:
    """An edit of a draft has all of its prompts compiled again, most of which are as they were."""
    check = PromptCheck(load(schema_of_input), path)
    try:
        check.run(_ENVIRONMENT.parse(source))
    except TemplateSyntaxError as error:
        raise Refused(Problem("template_syntax", explain(error.message or ""), path, line=error.lineno)) from None
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise Refused(
            Problem("template_forbidden", f"it is too deep or too odd to compile ({type(error).__name__})", path)
        ) from None
    if check.problems:
        raise Refused(*check.problems)
    return PromptText(source, tuple(check.reads))


def _bound(tree: nodes.Template) -> None:
    """Put our own filters where Jinja would go over anything at all, and where it would spell values as Python does."""
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, _ROUNDS, [], [], None, None, lineno=loop.lineno)
    for joined in list(tree.find_all(nodes.Concat)):
        joined.nodes = [nodes.Filter(part, _SPELLED, [], [], None, None, lineno=joined.lineno) for part in joined.nodes]


class _TooLong(Exception):
    """The prompt costs more than it may. The text goes into the sentence."""


_LEFT: ContextVar[list[int]] = ContextVar("left")
"""What is left for the rendering that goes on: list items, and text in units of a hundred characters."""


def _spend(work: int) -> None:
    left = _LEFT.get()
    left[0] -= work
    if left[0] < 0:
        raise _TooLong("its loops and filters go over too much. Put less into it, or compute it in the step's input")


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[:300]


class _Absent(StrictUndefined):
    """Something that isn't there: whoever touches it, except to ask, is told its name."""

    @property
    def _undefined_message(self) -> str:
        return f"`{self._undefined_name}` is not there"


class _Environment(ImmutableSandboxedEnvironment):
    """Plain data only: `a.b` is a key of an object and never an attribute or a method of anything."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and argument in obj:
            return obj[argument]
        if isinstance(obj, list | str) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        if isinstance(obj, LoopContext) and argument in LOOP:
            return getattr(obj, argument)
        if isinstance(obj, Undefined):
            return obj  # so that `a.b.c is defined` may be asked where already b is missing
        return self.undefined(obj=obj, name=str(argument)[:80])


def _json(value: Any) -> str:
    text = canonical(value)
    _spend(len(text) // 100)
    return text


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Undefined):
        return str(value)
    return _json(value)


# Filters: our own, because each has to be bounded and to treat data as data.

_ROUNDS, _SPELLED = "__rounds", "__spelled"


def _rounds(value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        return list(value)  # says what is missing
    if not isinstance(value, list | tuple):
        raise TypeError(f"a loop goes over a list, not over {_spelled(value)[:40]}")
    if len(value) > MOST_ROUNDS:
        raise _TooLong(f"a loop over {len(value):,} items is longer than {MOST_ROUNDS:,}. Take fewer")
    _spend(len(value))
    return list(value)


def _join(value: Any, separator: str = "", attribute: str | None = None) -> str:
    items = _rounds(value)
    if attribute is not None:
        items = [_ENVIRONMENT.getitem(item, attribute) for item in items]
    texts = [_spelled(item) for item in items]
    if sum(map(len, texts)) + len(texts) * len(separator) > MOST_OUTPUT:
        raise _TooLong(f"join() gives more than {MOST_OUTPUT:,} characters. Put less into it")
    return separator.join(texts)


def _default(value: Any, instead: Any = "") -> Any:
    return instead if isinstance(value, Undefined) or value is None else value


def _edge(at: int) -> Callable[[Any], Any]:
    return lambda value: value[at] if value else _ENVIRONMENT.undefined(name="first" if at == 0 else "last")


def _round(value: Any, digits: int = 0) -> Any:
    return round(float(value), max(0, min(digits, 15)))


def _sorted(value: Any, attribute: str | None = None, reverse: bool = False) -> list[Any]:
    def key(item: Any) -> Any:
        return item if attribute is None else _ENVIRONMENT.getitem(item, attribute)

    return sorted(_rounds(value), key=key, reverse=reverse)


def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length)] + end


def _unique(value: Any) -> list[Any]:
    return list({canonical(item): item for item in _rounds(value)}.values())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is wanted, not {_spelled(value)[:40]}")
    _spend(len(value) // 100)
    return value


def _pairs(value: Any) -> list[Any]:
    return [[key, value[key]] for key in sorted(_object(value))]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"an object is wanted, not {_spelled(value)[:40]}")
    _spend(len(value))
    return value


def _environment() -> _Environment:
    environment = _Environment(
        undefined=_Absent, autoescape=False, finalize=_spelled, trim_blocks=True, lstrip_blocks=True, cache_size=0
    )
    own: dict[str, Callable[..., Any]] = {
        "capitalize": lambda value: _text(value).capitalize(),
        "default": _default,
        "first": _edge(0),
        "items": _pairs,
        "join": _join,
        "keys": lambda value: sorted(_object(value)),
        "last": _edge(-1),
        "length": len,
        "list": _rounds,
        "lower": lambda value: _text(value).lower(),
        "round": _round,
        "sort": _sorted,
        "tojson": lambda value: value if isinstance(value, Undefined) else _json(value),
        "trim": lambda value: _text(value).strip(),
        "truncate": _truncate,
        "unique": _unique,
        "upper": lambda value: _text(value).upper(),
    }
    assert set(own) == set(FILTERS)
    environment.filters = {**own, _ROUNDS: _rounds, _SPELLED: _spelled}
    environment.tests = {name: environment.tests[name] for name in TESTS}
    environment.globals = {}
    return environment


_ENVIRONMENT = _environment()
