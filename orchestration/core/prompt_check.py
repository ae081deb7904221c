"""What a prompt template may hold, and what it reads: checked on Jinja's tree before anything is compiled.

Jinja's sandbox keeps templates from Python's inner life, but not from loops and memory. So what is not in the tables below is
refused: no calls, no assignments, no macros, no loop in a loop, no arithmetic that could blow up text.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from jinja2 import nodes

from orchestration.core.cel_facts import NOTHING, Facts, present
from orchestration.core.cel_places import Read, names_of
from orchestration.core.cel_tree import Path
from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass
from orchestration.core.schema import Schema
from orchestration.core.shape import element, narrow, properties, without_null
from orchestration.core.wording import abbreviate, did_you_mean, dotted

MOST_LEVELS = 40
MOST_JOINED = 20

FILTERS = (
    *("capitalize", "default", "first", "items", "join", "keys", "last", "length", "list", "lower", "round", "sort", "tojson"),
    *("trim", "truncate", "unique", "upper"),
)
TESTS = ("defined", "undefined", "none", "string", "number", "boolean", "mapping", "sequence", "true", "false", "in")
LOOP = ("index", "index0", "first", "last", "length", "revindex", "revindex0")

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.If, nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg, nodes.List, nodes.Tuple, nodes.Keyword),
)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Div: "/",
    nodes.Mod: "%",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Macro: "a macro",
    nodes.CallBlock: "a call block",
    nodes.FilterBlock: "a filter block",
    nodes.With: "with",
}


INPUT = "the step's input"


def lacks(above: str, name: str | int, known: Iterable[str] = ()) -> str:
    """That there is nothing of this name, as a sentence without its stop."""
    return f"{above} has no {abbreviate(name)}{did_you_mean(str(name), known)}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """Loop variables (name → schema of one element, and its name made unique), what is certain, and whether in a loop."""

    variables: Mapping[str, tuple[Schema, str]]
    facts: Facts = NOTHING
    loop: bool = False

    def with_facts(self, more: Facts) -> "_Scope":
        return _Scope(self.variables, self.facts | more, self.loop)


@dataclass(slots=True)
class PromptCheck:
    """One walk over one template. `schema` is that of the input, None where nothing is known of it."""

    schema: Schema | None
    path: str
    problems: list[Problem] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    loops: int = 0

    def run(self, template: nodes.Template) -> None:
        for node, level in _levels(template):
            if not isinstance(node, _ALLOWED):
                name = _WORDS.get(type(node), type(node).__name__.lower())
                self.problem("template_forbidden", f"{name} can't be used in a prompt. Compute it in the step's input", node)
            if level > MOST_LEVELS:
                self.problem("template_forbidden", f"it is nested more than {MOST_LEVELS} levels deep. Simplify it", node)
        if not self.problems:
            self.see(template, _Scope({}))

    def problem(self, code: str, message: str, node: nodes.Node) -> None:
        found = Problem(code, message, self.path, line=node.lineno)
        if found not in self.problems and len(self.problems) < 20:
            self.problems.append(found)

    def see(self, node: nodes.Node, scope: _Scope) -> Schema:
        """Check a node and all below it; the schema of an expression, {} where nothing is known of it."""
        path = chain(node)
        if path is not None:
            return self.place(path, node, scope)
        match node:
            case nodes.For():
                self.see_loop(node, scope)
            case nodes.If() | nodes.CondExpr():
                self.see_choice(node, scope)
            case nodes.And() | nodes.Or():
                self.see(node.left, scope)
                self.see(node.right, scope.with_facts(facts_if(node.left, isinstance(node, nodes.And), scope.variables)))
            case nodes.Test():
                self.see_test(node, scope)
            case nodes.Filter():
                return self.see_filter(node, scope)
            case nodes.Concat() if len(node.nodes) > MOST_JOINED:
                self.problem("template_forbidden", f"~ joins at most {MOST_JOINED} parts", node)
            case _:
                if isinstance(node, nodes.Add | nodes.Sub) and _depth(node) > MOST_JOINED:
                    self.problem("template_forbidden", f"+ joins at most {MOST_JOINED} parts", node)
                for child in node.iter_child_nodes():
                    self.see(child, scope)
        return {}

    def see_loop(self, node: nodes.For, scope: _Scope) -> None:
        if scope.loop or node.recursive or node.test is not None or not isinstance(node.target, nodes.Name):
            message = "a loop stands in no other loop, and is written {% for x in list %}"
            self.problem("template_forbidden", message, node)
            return
        if node.target.name == "loop":
            self.problem("template_forbidden", "`loop` counts the rounds. Call what the loop goes over something else", node)
        over = self.see(node.iter, scope)
        self.loops += 1
        variable = (element(over) if over else {}, f"{node.target.name}#{self.loops}")
        inner = _Scope({**scope.variables, node.target.name: variable, "loop": (_LOOP, "loop#")}, scope.facts, loop=True)
        for child in node.body:
            self.see(child, inner)
        for child in node.else_:
            self.see(child, scope)

    def see_choice(self, node: nodes.If | nodes.CondExpr, scope: _Scope) -> None:
        self.see(node.test, scope)
        yes = scope.with_facts(facts_if(node.test, True, scope.variables))
        no = scope.with_facts(facts_if(node.test, False, scope.variables))
        if isinstance(node, nodes.CondExpr):
            self.see(node.expr1, yes)
            if node.expr2 is None:
                self.problem("template_forbidden", "an `if` in an expression needs its `else`", node)
            else:
                self.see(node.expr2, no)
            return
        for child in node.body:
            self.see(child, yes)
        for child in [*node.elif_, *node.else_]:
            self.see(child, no)

    def see_test(self, node: nodes.Test, scope: _Scope) -> None:
        if node.name not in TESTS:
            self.problem("template_forbidden", f"there is no test {node.name}{did_you_mean(node.name, TESTS)}", node)
        asks = node.name in ("defined", "undefined")
        self.see_guarded(node.node, scope, asks)
        for arg in node.args or ():
            self.see(arg, scope)

    def see_filter(self, node: nodes.Filter, scope: _Scope) -> Schema:
        if node.name not in FILTERS or node.node is None:
            self.problem("template_forbidden", f"there is no filter {node.name}{did_you_mean(str(node.name), FILTERS)}", node)
            return {}
        over = self.see_guarded(node.node, scope, node.name == "default")
        for arg in [*(node.args or ()), *(keyword.value for keyword in node.kwargs or ())]:
            self.see(arg, scope)
        return over if node.name in ("sort", "unique", "list", "default") else {}

    def see_guarded(self, node: nodes.Node, scope: _Scope, asks: bool) -> Schema:
        """A place that may be missing, where `asks`: it is the very thing that is asked."""
        path = chain(node)
        if not asks or path is None:
            return self.see(node, scope)
        return self.place(path, node, scope.with_facts(present(_resolved(path, scope.variables))))

    def place(self, path: Path, node: nodes.Node, scope: _Scope) -> Schema:
        first, where = str(path[0]), _resolved(path, scope.variables)
        if first in scope.variables:
            schema = scope.variables[first][0]
        else:
            names = names_of(path)
            guarded = any(("there", where[:end]) in scope.facts for end in range(1, len(where) + 1))
            if (read := Read(names, guarded)) not in self.reads:
                self.reads.append(read)
            if self.schema is None:
                return {}
            schema, where, path = self.schema, ("", *where), ("", *path)
        for end in range(1, len(path)):
            schema = self.step(schema, path[: end + 1], where[: end + 1], node, scope)
        return without_null(schema) if ("some", where[1:]) in scope.facts else schema

    def step(self, schema: Schema, path: Path, where: Path, node: nodes.Node, scope: _Scope) -> Schema:
        place = narrow(schema, [path[-1]])
        shown = dotted("", path[1:] if path[0] == "" else path)
        if place is None:
            above = f"`{dotted('', path[1:-1] if path[0] == '' else path[:-1])}`" if len(path) > 2 or path[0] else INPUT
            self.problem("unknown_reference", lacks(above, path[-1], properties(schema)), node)
            return {}
        known = where[1:] if where[0] == "" else where
        if place.optional and ("there", known) not in scope.facts:
            message = (
                f"`{shown}` may be missing. Ask first, {{% if {shown} is defined %}}, or write {{{{ {shown} | default('…') }}}}"
            )
            self.problem("optional_unguarded", message, node)
        return place.schema


_LOOP: Schema = {"type": "object", "properties": {name: {} for name in LOOP}, "required": list(LOOP)}


def chain(node: nodes.Node) -> Path | None:
    """`a.b[0]` as ("a", "b", 0); None for anything else."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case nodes.Getattr():
            base = chain(node.node)
            return None if base is None else (*base, node.attr)
        case nodes.Getitem() if isinstance(node.arg, nodes.Const) and type(node.arg.value) in (int, str):
            base = chain(node.node)
            return None if base is None else (*base, node.arg.value)
    return None


def facts_if(node: nodes.Node, holds: bool, variables: Mapping[str, tuple[Schema, str]]) -> Facts:
    """What is certain once a condition came out as `holds`: from `is defined`, with and, or, not."""
    match node:
        case nodes.Test() if node.name in ("defined", "undefined") and (path := chain(node.node)) is not None:
            return present(_resolved(path, variables)) if (node.name == "defined") == holds else NOTHING
        case nodes.Not():
            return facts_if(node.node, not holds, variables)
        case nodes.And() | nodes.Or():
            one, other = facts_if(node.left, holds, variables), facts_if(node.right, holds, variables)
            return one | other if isinstance(node, nodes.And) == holds else one & other
    return NOTHING


def _resolved(path: Path, variables: Mapping[str, tuple[Schema, str]]) -> Path:
    return (variables[str(path[0])][1], *path[1:]) if path[0] in variables else path


def _levels(node: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    todo = [(node, 0)]
    while todo:
        one, level = todo.pop()
        yield one, level
        todo.extend((child, level + 1) for child in one.iter_child_nodes())


def _depth(node: nodes.Node) -> int:
    return 1 + sum(_depth(child) for child in node.iter_child_nodes() if isinstance(child, nodes.Add | nodes.Sub))
