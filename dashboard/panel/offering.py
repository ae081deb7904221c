"""What a form says of the places that stand in it: what people call them, and their values, to be chosen where their contract
lists them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from dashboard.panel.around import OFFERS_HTTP, Around, of_tool
from dashboard.panel.seen import SeenPlace, told
from dashboard.schema_answer import value_text
from dashboard.schema_fields import Field, Option

_EQUALS = ('"=="', '"!="')
_NAMES = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ALONE = {"value": re.compile(rf"\$\{{\s*({_NAMES})\s*\}}"), "place": re.compile(rf"\s*({_NAMES})\s*")}
"""What holds one place and nothing else. js/picker.js reads it the same way."""

Known = Mapping[str, tuple[SeenPlace, ...]]


def with_offers(field: Field, around: Around) -> Field:
    """The tree of fields: each that may hold a place says what that is; what a place is compared with is a select where its
    contract lists the values. What stands in one and is none of them stays, so that it is seen."""
    return _drawn(field, around.lists, "", ())


def _drawn(field: Field, known: Known, tool: str, inside: tuple[str, ...]) -> Field:
    """`inside`: what it stands in, the innermost first."""
    if field.offers == OFFERS_HTTP:
        field = replace(field, offers=of_tool(tool))
    if field.children or field.blank:
        tools = field.look == "list" and field.name.endswith("/tools")

        def drawn(child: Field) -> Field:
            return _drawn(child, known, _name(child) if tools else tool, _within(field, child, inside))

        children, blank = tuple(map(drawn, field.children)), drawn(field.blank) if field.blank else None
        return _compared(replace(field, children=children, blank=blank), known)
    if not field.picks:
        return field
    alone = field.name.endswith("/value") and inside[:1] and inside[0][0] == _QUOTE  # the one of a name
    return _said(replace(field, whose=", ".join(inside if alone else (_low(field.label), *inside))), known)


def _within(field: Field, child: Field, inside: tuple[str, ...]) -> tuple[str, ...]:
    if field.look != "list":
        return (_low(field.label), *inside) if field.label and field.label not in _ROWS and not field.key else inside
    item = _called(child)
    told = field.label in _ROWS or _plural(child.label, field.label)
    return (item, *inside) if told else (item, _low(field.label), *inside)


_ROWS = ("Rows", "alternatives")
_QUOTE = "“"


def _called(item: Field) -> str:
    """An item of a list: by its name, else by its number."""
    name = _name(item)
    return f"{_QUOTE}{name}”" if name else _low(item.label)


def _plural(item: str, of: str) -> bool:
    """Whether the name of an item, as `Case 2`, says already which list it is of."""
    return of.lower().startswith(item.rpartition(" ")[0].lower())


def _low(words: str) -> str:
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def _name(field: Field) -> str:
    return next((child.text for child in field.children if child.name.endswith("/name")), "")


def _said(field: Field, known: Known) -> Field:
    found = _ALONE[field.picks].fullmatch(field.text)
    if found is None or field.offers not in known:
        return field
    said, nowhere = told(known[field.offers], found[1])
    return replace(field, said=said, nowhere=nowhere)


def _compared(field: Field, known: Known) -> Field:
    parts = {child.name.rpartition("/")[2]: child for child in field.children}
    if not {"place", "operator", "value"} <= parts.keys():
        return field
    place, value = parts["place"], parts["value"]
    options = next((seen.options for seen in known.get(place.offers, ()) if seen.path == place.text), ())
    chosen = [option.value for option in parts["operator"].options if option.chosen]
    if not options or chosen[:1] not in [[each] for each in _EQUALS]:
        return field
    texts = [value_text(option) for option in options]
    offered = [Option("", "Choose one", not value.text), *(Option(text, text, text == value.text) for text in texts)]
    if value.text and value.text not in texts:
        offered.append(Option(value.text, value.text, True))
    choice = replace(value, look="select", options=tuple(offered), picks="")
    return replace(field, children=tuple(choice if child is value else child for child in field.children))
