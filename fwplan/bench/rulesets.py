"""The rules of a case, as what programs read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Interface

from fwplan.bench.cases import Rules
from fwplan.network.definition import Bridge, Network
from fwplan.network.forward import Forward
from fwplan.network.ip import Ip
from fwplan.network.modes import ForwardMode
from fwplan.plan.plan import Backend, make_plan
from fwplan.preview.render import Format, render

UPLINK = "uplink"
"""The interface of the host to the outside."""
MOST_NETWORKS = 50_000

_FIRST_ADDRESS = int(IPv4Address("10.0.0.0"))
_FLOOR = f"""\
table ip floor {{
    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        oifname "{UPLINK}" masquerade
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """A program that loads rules, and what it reads."""

    command: tuple[str, ...]
    given: str


def bridge(number: int) -> str:
    """The bridge of the network of that number, from 0."""
    return f"virbr{number}"


def gateway(number: int) -> IPv4Interface:
    """The host's address on it; a guest has the next one."""
    return IPv4Interface((_FIRST_ADDRESS + number * 256 + 1, 24))


def network(number: int) -> Network:
    """A NAT network, as `virsh net-define` takes them by the dozen."""
    address = gateway(number)
    return Network(
        name=f"net{number}",
        forward=Forward(mode=ForwardMode.NAT),
        bridge=Bridge(name=bridge(number)),
        ips=(Ip(address=address.ip, prefix=address.network.prefixlen),),
    )


@cache
def loads(rules: Rules, networks: int) -> tuple[Load, ...]:
    """What loads the rules of that many networks on a host that has none."""
    if rules is Rules.FLOOR:
        return (Load(("nft", "-f", "-"), _FLOOR),)
    if rules.way is None:
        return ()
    backend, layout = rules.way
    plan = make_plan([network(number) for number in range(networks)], backend=backend, layout=layout, checked=True)
    if backend is Backend.NFTABLES:
        return (Load(("nft", "-f", "-"), render(plan, Format.NFT)),)
    restored = render(plan, Format.RESTORE)
    return tuple(Load((f"{program}-restore", "--noflush"), restored) for program in ("iptables", "ip6tables"))


_EMPTY = "".join(f"*{table}\nCOMMIT\n" for table in ("filter", "nat", "mangle"))

CLEARING = (
    Load(("nft", "flush", "ruleset"), ""),
    *(Load((f"{program}-restore",), _EMPTY) for program in ("iptables", "ip6tables")),
)
"""What takes all rules away, those of iptables-legacy too."""
