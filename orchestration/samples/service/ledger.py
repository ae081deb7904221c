"""The ledger: what is known of suppliers and orders, and the invoices that were posted."""

from typing import Any

from orchestration.samples.service import facts
from orchestration.samples.service.call import Answer, Call, Wrong

AWAY_TWICE = "Brisk Couriers Ltd"
CENT = 0.01


def check(call: Call) -> Answer:
    """Compares an invoice with the books. `confirmed` counts how many of four things are so; nothing is written."""
    invoice = _invoice(call)
    order = facts.one("orders", "order", str(invoice.get("order", "")))
    findings = [finding for finding in (_supplier(invoice), *_order(invoice, order)) if finding]
    return Answer(200, {"ok": not findings, "confirmed": 4 - len(findings), "hint": " ".join(findings)})


def post(call: Call) -> Answer:
    """The same key gives the same entry again. An invoice that was booked before is refused."""
    invoice = _invoice(call)
    if invoice["number"] in facts.facts()["booked"]:
        return Answer(409, {"error": f"Invoice {invoice['number']} is in the ledger already."})
    if invoice["supplier"] == AWAY_TWICE and call.store.away(f"post {call.key}", 2):
        return Answer(503, {"error": "The ledger is closing the day. Try again in a moment."})
    done = call.store.once("entry", call.key, invoice)
    return Answer(201, {"entry": f"L-{done.number:05}"})


def _invoice(call: Call) -> dict[str, Any]:
    invoice = call.body.get("invoice")
    if not isinstance(invoice, dict):
        raise Wrong("`invoice` should be an object.")
    for name in ("supplier", "number", "currency"):
        if not isinstance(invoice.get(name), str) or not invoice[name]:
            raise Wrong(f"`invoice.{name}` should be a text.")
    if not isinstance(invoice.get("total"), int | float):
        raise Wrong("`invoice.total` should be a number.")
    return invoice


def _supplier(invoice: dict[str, Any]) -> str | None:
    known = facts.one("suppliers", "name", invoice["supplier"])
    return None if known else f"There is no supplier {invoice['supplier']} in the books."


def _order(invoice: dict[str, Any], order: dict[str, Any] | None) -> list[str | None]:
    if order is None:
        missing = f"There is no open order {invoice.get('order') or '(none was read)'}."
        return [missing, "Without the order its sum can't be compared."]
    name, total, currency = order["order"], invoice["total"], invoice["currency"]
    whose = None if order["supplier"] == invoice["supplier"] else f"Order {name} is with {order['supplier']}."
    same = currency == order["currency"] and abs(total - order["open"]) < CENT
    due = f"Order {name} is open with {order['open']:.2f} {order['currency']}, not {total:.2f} {currency}."
    return [whose, None if same else due]
