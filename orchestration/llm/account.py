"""What every protocol over HTTP takes from the account: the address, and the headers with the key's place in them."""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from orchestration.core.result import Request
from orchestration.llm.ask import Ask, ProviderSpec
from orchestration.placeholders import json_text


def request(
    protocol: str, path: str, key: tuple[str, str], body: Mapping[str, Any], ask: Ask, provider: ProviderSpec, **more: str
) -> Request:
    """The exact request: `path` after the base URL, the protocol's own headers in `more`, with _ for -.

    `key` names the header that carries the secret, and what stands before it there; the option `auth` names one that carries
    it bare. The options `path` and `query` change the address, and the account's own headers win over all others.
    """
    url = provider.base_url.rstrip("/") + provider.options.get("path", path)
    if query := provider.options.get("query"):
        url = str(URL(url).update_query(query))
    found = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "Interlock"}
    if provider.secret:
        name, before = (provider.options["auth"], "") if provider.options.get("auth") else key
        found[name] = f"{before}${{secrets.{provider.secret}}}"
    if ask.key:
        found["Idempotency-Key"] = ask.key
    found.update({name.replace("_", "-"): value for name, value in more.items()})
    own = {name.lower() for name in provider.headers}
    kept = {name: value for name, value in found.items() if name.lower() not in own}
    return Request(
        protocol=protocol,
        target=provider.name,
        url=url,
        headers=(*kept.items(), *provider.headers.items()),
        body=json_text(body),
        timeout=ask.timeout,
        key=ask.key,
    )
