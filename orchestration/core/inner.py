"""Which addresses are inner: anything but public unicast ones. And whether a URL names one that calls are not let through to."""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Place = tuple[str, int]

# IANA's special-purpose registry, and Azure's host agent, which answers from a public-looking address.
_INNER_V4 = [
    *map(ip_network, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16")),
    *map(ip_network, ("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15")),
    *map(ip_network, ("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")),
]
# IPv6 by allow-list: global unicast, without what tunnels or documents. 6to4 (2002::/16) and Teredo (in 2001::/23) are
# refused whole; NAT64's well-known prefix is judged by the IPv4 address inside, or IPv6-only networks could reach nothing.
_GLOBAL_V6 = ip_network("2000::/3")
_INNER_V6 = [ip_network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")
_AUTHORITY = re.compile(r"(https?)://([^/?#]+)", re.IGNORECASE)
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:@\[\]]+)(?::([0-9]{1,5}))?\Z")


def is_inner(address: str) -> bool:
    """Whether an address, as the socket would dial it, is anything but a public unicast one. What can't be read is inner."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(found, IPv6Address):
        embedded = _embedded(found)
        if embedded is None:
            return found not in _GLOBAL_V6 or any(found in block for block in _INNER_V6)
        found = embedded
    return any(found in block for block in _INNER_V4)


def _embedded(found: IPv6Address) -> IPv4Address | None:
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped


def plain(host: str) -> str:
    """A host in the one spelling that places are compared in."""
    return host.lower().rstrip(".")


def out_of_reach(url: str, reach: Collection[Place]) -> str:
    """The place, as `127.0.0.1:8080`, of a URL that names an inner address, or this machine, and is not in `reach`; else "". Of
    other names, and of a host that is filled in, nothing is known before they are called."""
    found = _AUTHORITY.match(url)
    parts = _PLACE.match(found[2]) if found and "${" not in found[2] else None
    if found is None or parts is None:
        return ""
    host, port = plain(parts[1].strip("[]")), int(parts[2] or (443 if found[1].lower() == "https" else 80))
    if (host, port) in reach or not (_is_this_machine(host) or (_is_address(host) and is_inner(host))):
        return ""
    return f"{parts[1]}:{port}"


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
