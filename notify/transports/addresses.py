"""Where a post may go: only to what the whole internet can reach, unless the operator named it."""

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# What no table of IANA calls global, written out: Python's own list changes from version to version.
NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Looks public, and is the machine room's own at one large provider.
        "168.63.129.16/32",
    )
)
# Everything global lies here, but for these: protocols, documentation, and IPv4 inside of IPv6 (6to4).
GLOBAL_6 = IPv6Network("2000::/3")
NOT_PUBLIC_6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# IPv4 inside of IPv6 that leads where the IPv4 leads.
MAPPED, NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")

# Names that are answered inside of a machine or a network only.
LOCAL_NAMES = (
    *("localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private"),
    *("home.arpa", "onion", "test", "invalid"),
)
LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"


class NoPlace(ValueError):
    """This is no host that everybody could reach."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole internet, and not one of this machine."""
    ip = ip_address(address)
    return _is_global(ip) and not _is_ours(ip)


def _is_global(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        if ip.scope_id is None and (ip in MAPPED or ip in NAT64):
            return _is_global(IPv4Address(int(ip) & 0xFFFFFFFF))
        return ip in GLOBAL_6 and not any(ip in network for network in NOT_PUBLIC_6)
    return not any(ip in network for network in NOT_PUBLIC_4)


def _is_ours(ip: IPv4Address | IPv6Address) -> bool:
    """Whether this machine has the address itself: then it is also what we would come from.

    Asks the kernel for the way; nothing is sent.
    """
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(ip), 9))
            return ip_address(probe.getsockname()[0]) == ip
    except OSError:
        # No way there: connecting will say so.
        return False


def clean_host(host: str) -> str:
    """A host name or address as people type it, as it is asked for. Raises NoPlace where it may not be.

    Only what a name says by itself is judged here; where it leads is judged when a connection is made.
    """
    try:
        return _checked(host.strip().lower().removesuffix("."))
    except ValueError:
        raise NoPlace from None


def _checked(host: str) -> str:
    """Raises ValueError."""
    if host.startswith("[") and host.endswith("]"):
        ip = IPv6Address(host[1:-1])
        # A scope names a way out of this machine, and makes one server look like many.
        if ip.scope_id is not None or not _is_global(ip):
            raise NoPlace
        return f"[{ip}]"
    # Folds other digits and dots into the plain ones. UnicodeError is a ValueError.
    host = host.encode("idna").decode()
    labels = host.split(".")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        # Refuses hexadecimal, octal and shortened ones, which some resolvers take for addresses.
        if not _is_global(IPv4Address(host)):
            raise NoPlace
        return host
    if len(labels) < 2 or not all(re.fullmatch(LABEL, label) for label in labels):
        raise NoPlace
    if any(host.endswith(f".{name}") for name in LOCAL_NAMES):
        raise NoPlace
    return host
