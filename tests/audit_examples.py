"""For each code of an audit a host that leads to it, as small as it can be; the documentation shows what is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listed import ACCEPT, COUNTER, DROP, docker, hook, meta, table
from listed import field as payload
from planned_hosts import UPLINK, host

from fwplan.audit.audit import audit
from fwplan.audit.finding import Code, Finding
from fwplan.audit.read_observation import observation_of
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, Layout, Plan, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from listed import Item

    Bundle = dict[str, Any]

ROOT = Path(__file__).parent.parent
RELATED: Item = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}


@dataclass(frozen=True)
class Example:
    """A host, and the definitions that are held against it.

    Attributes:
        code: that it leads to.
        what: is so on the host, as a sentence of the documentation.
        files: definitions, below the project's root.
        definition: what is in the file, where there is none.
        backend: what carries libvirt's rules on it.
        layout: how promises became rules on it.
        others: tables of others in nftables.
        happens: what happened to the host after that.
        others_too: other codes that the same leads to.
    """

    code: Code
    what: str
    files: tuple[str, ...] = ("examples/nat.xml",)
    backend: Backend = Backend.NFTABLES
    layout: Layout = Layout.LIBVIRT
    others: list[Item] = field(default_factory=list)
    happens: Callable[[Bundle], None] = lambda _: None
    others_too: frozenset[Code] = frozenset()
    definition: bytes = b""

    @property
    def plan(self) -> Plan:
        """Of the definitions."""
        texts = [self.definition] if self.definition else [(ROOT / file).read_bytes() for file in self.files]
        return make_plan([read_network(text) for text in texts], backend=self.backend, layout=self.layout)

    @property
    def bundle(self) -> Bundle:
        """What is seen of the host."""
        seen = host(self.plan, self.others)
        self.happens(seen)
        return seen

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that is found."""
        named = {share.network.name: file for share, file in zip(self.plan.networks, self.files, strict=True)}
        return audit(observation_of(self.bundle), self.plan, named)


def rules_of(seen: Bundle, chain: str, family: str = "ip") -> list[Item]:
    """The rules of a chain of libvirt's, with their places in the listing."""
    items: list[Item] = seen["nftables"]["nftables"]
    return [item for item in items if item.get("rule", {}).get("chain") == chain and item["rule"]["family"] == family]


def listed_rule(chain: str, *statements: Item) -> Item:
    """A rule in libvirt's table, as nft lists it."""
    place = {"family": "ip", "table": "libvirt_network", "chain": chain, "handle": 99}
    return {"rule": {**place, "expr": list(statements)}}


def without(number: int, chain: str) -> Callable[[Bundle], None]:
    """A rule is deleted."""

    def happens(seen: Bundle) -> None:
        seen["nftables"]["nftables"].remove(rules_of(seen, chain)[number])

    return happens


def before(chain: str, *statements: Item) -> Callable[[Bundle], None]:
    """A rule is inserted at the head of a chain of libvirt's."""

    def happens(seen: Bundle) -> None:
        items = seen["nftables"]["nftables"]
        items.insert(items.index(rules_of(seen, chain)[0]), listed_rule(chain, *statements))

    return happens


def map_of(seen: Bundle, name: str) -> Item:
    """A map of fwplan's for IPv4."""
    items = seen["nftables"]["nftables"]
    maps: list[Item] = [item["map"] for item in items if "map" in item]
    return next(each for each in maps if (each["family"], each["name"]) == ("ip", name))


def elements(change: Callable[[list[Any]], object]) -> Callable[[Bundle], None]:
    """The elements of bridges are changed."""
    return lambda seen: (change(map_of(seen, "entering")["elem"]), None)[1]


def map_gone(seen: Bundle) -> None:
    """A map cannot go before what asks it."""
    items = seen["nftables"]["nftables"]
    translated = map_of(seen, "translated")
    asking = next(rule for rule in rules_of(seen, "postrouting") if "vmap" in rule["rule"]["expr"][0])
    seen["nftables"]["nftables"] = [item for item in items if item is not asking and item.get("map") is not translated]


def map_without_ranges(seen: Bundle) -> None:
    """Somebody has made it by hand."""
    translated = map_of(seen, "translated")
    translated["elem"] = []
    del translated["flags"]


def chain_left(seen: Bundle) -> None:
    """Of a second subnet."""
    seen["nftables"]["nftables"].append({"chain": {"family": "ip", "table": "fwplan", "name": "nat-virbr0-2"}})


def again(seen: Bundle) -> None:
    """A rule is made a second time."""
    items = seen["nftables"]["nftables"]
    first = rules_of(seen, "guest_output")[0]
    items.insert(items.index(first), first)


def other_ports(seen: Bundle) -> None:
    """Somebody gives TCP another range of ports."""
    rule = next(item for item in rules_of(seen, "guest_nat") if meta("l4proto", "tcp") in item["rule"]["expr"])
    rule["rule"]["expr"][-1] = {"masquerade": {"port": {"range": [2000, 3000]}}}


def other_order(seen: Bundle) -> None:
    """What refuses comes before what lets replies pass."""
    items = seen["nftables"]["nftables"]
    first, second = rules_of(seen, "guest_input")
    here, there = items.index(first), items.index(second)
    items[here], items[there] = second, first


def saved_line(line: str, before_it: str, program: str = "iptables") -> Callable[[Bundle], None]:
    """A rule is in iptables before another line."""

    def happens(seen: Bundle) -> None:
        name = f"{program}-nft-save"
        assert before_it in seen[name], seen[name]
        seen[name] = seen[name].replace(before_it, f"[0:0] {line}\n{before_it}", 1)

    return happens


FIRST_JUMP = "[0:0] -A FORWARD -j LIBVIRT_FWX"


def flushed(seen: Bundle) -> None:
    """`nft flush ruleset`."""
    seen["nftables"]["nftables"] = seen["nftables"]["nftables"][:1]


def without_chain(seen: Bundle) -> None:
    """Somebody deletes a chain, and the jump to it."""
    lines = seen["iptables-nft-save"].splitlines(keepends=True)
    seen["iptables-nft-save"] = "".join(line for line in lines if "LIBVIRT_FWI" not in line)


def drops(seen: Bundle) -> None:
    """The policy of libvirt's base chain is changed."""
    for item in seen["nftables"]["nftables"]:
        if item.get("chain", {}).get("name") == "forward" and item["chain"]["family"] == "ip":
            item["chain"]["policy"] = "drop"


def made_anew(seen: Bundle) -> None:
    """The bridge is deleted and made again: nft lists the index that rules know."""
    for item in seen["nftables"]["nftables"]:
        for statement in item.get("rule", {}).get("expr", ()):
            if statement.get("match", {}).get("right") == "virbr0":
                statement["match"]["right"] = "7"


def setting(name: str, value: str) -> Callable[[Bundle], None]:
    """The kernel has a setting."""

    def happens(seen: Bundle) -> None:
        seen["settings"][name] = value

    return happens


def without_link(name: str) -> Callable[[Bundle], None]:
    """An interface is gone."""

    def happens(seen: Bundle) -> None:
        seen["addresses"] = [link for link in seen["addresses"] if name not in {link["ifname"], link.get("master")}]

    return happens


def strict(seen: Bundle) -> None:
    """The bridge filters by reverse path, and the route by a guest is not there."""
    seen["settings"]["net.ipv4.conf.virbr4.rp_filter"] = "1"


def with_routes_behind(seen: Bundle) -> None:
    """Routes by guests are there, as libvirt sets them."""
    seen["routes"]["ip"].append({"dst": "10.99.0.0/16", "gateway": "10.20.4.2", "dev": "virbr4"})
    seen["routes"]["ip6"].append({"dst": "2001:db8:99::/48", "gateway": "2001:db8:4::2", "dev": "virbr4"})


def only_iptables(seen: Bundle) -> None:
    """Nothing but the output of iptables-save was kept."""
    for name in [name for name in seen if name not in {"fwplan", "collected", "iptables-nft-save"}]:
        del seen[name]
    seen["looked_at"] = []


def mixed(seen: Bundle) -> None:
    """Somebody put a rule of nft into a table of iptables."""
    remark = "# Table `filter' is incompatible, use 'nft' tool.\n"
    seen["iptables-nft-save"] = remark + seen["iptables-nft-save"]


def without_address(seen: Bundle) -> None:
    """The bridge has lost its address."""
    for link in seen["addresses"]:
        if link["ifname"] == "virbr0":
            link["addr_info"] = []


def advertised(seen: Bundle) -> None:
    """The host's way out of IPv6 is from a router's advertisement."""
    with_routes_behind(seen)
    seen["routes"]["ip6"].append({"dst": "default", "gateway": "fe80::1", "dev": UPLINK, "protocol": "ra"})
    seen["settings"][f"net.ipv6.conf.{UPLINK}.accept_ra"] = "1"


def was_nat(seen: Bundle) -> None:
    """The network was of mode nat once, and its rules were left."""
    text = (ROOT / "examples/open.xml").read_bytes().replace(b"mode='open'", b"mode='nat'")
    seen["nftables"] = host(make_plan([read_network(text)]))["nftables"]


def unclear(*statements: Item) -> list[Item]:
    """FORWARD of iptables, of which nft lists matches by name alone."""
    return table("ip", "filter", {"FORWARD": (hook("forward"), [list(statements)])})


STALE = listed_rule("guest_output", meta("iif", "9"), COUNTER, {"reject": None})
BEHIND = frozenset((Code.OTHER_ROUTE,))

EXAMPLES = (
    Example(
        Code.MISSING_RULE,
        "The rule that lets guests send is deleted.",
        happens=without(0, "guest_output"),
        others_too=frozenset((Code.REFUSED,)),
    ),
    Example(
        Code.EXTRA_RULE,
        "A rule lets everybody reach the guests.",
        happens=before("guest_input", meta("oif", "virbr0"), COUNTER, ACCEPT),
        others_too=frozenset((Code.PASSES,)),
    ),
    Example(
        Code.CHANGED_RULE,
        "TCP leaves from other ports than planned.",
        happens=other_ports,
    ),
    Example(
        Code.MISPLACED_RULE,
        "What refuses stands before what lets replies pass.",
        happens=other_order,
        others_too=frozenset((Code.REFUSED,)),
    ),
    Example(Code.DUPLICATE_RULE, "A rule was made twice.", happens=again),
    Example(
        Code.UNREACHABLE_RULE,
        "A rule that rejects everything stands before libvirt's jumps, since iptables.service was started late.",
        backend=Backend.IPTABLES,
        happens=saved_line("-A FORWARD -j REJECT --reject-with icmp-host-prohibited", FIRST_JUMP),
        others_too=frozenset((Code.REFUSED,)),
    ),
    Example(
        Code.MISSING_TABLE,
        "Somebody ran `nft flush ruleset`.",
        happens=flushed,
        others_too=frozenset((Code.MISSING_RULE, Code.OTHER_SOURCE, Code.PASSES)),
    ),
    Example(
        Code.MISSING_CHAIN,
        "Somebody deleted a chain of libvirt's.",
        backend=Backend.IPTABLES,
        happens=without_chain,
        others_too=frozenset((Code.MISSING_RULE, Code.PASSES)),
    ),
    Example(
        Code.CHANGED_CHAIN,
        "The policy of libvirt's base chain is `drop`.",
        happens=drops,
    ),
    Example(
        Code.STALE_INTERFACE,
        "The bridge was deleted and made again, with another index.",
        happens=made_anew,
        others_too=frozenset((Code.PASSES,)),
    ),
    Example(
        Code.STRANGE_RULE,
        "Somebody put a rule of their own among libvirt's.",
        happens=before("guest_output", payload("ip saddr", "192.168.122.66"), DROP),
        others_too=frozenset((Code.PARTLY_REFUSED,)),
    ),
    Example(
        Code.LEFT_BEHIND,
        "A network is gone, its bridge too, and a rule of it is left.",
        happens=lambda seen: seen["nftables"]["nftables"].append(STALE),
    ),
    Example(
        Code.MISSING_ELEMENT,
        "In the layout maps, the element of a bridge is gone: no rule of its network is asked any more.",
        layout=Layout.MAPS,
        happens=elements(lambda found: found.clear()),
        others_too=frozenset((Code.PASSES,)),
    ),
    Example(
        Code.EXTRA_ELEMENT,
        "In the layout maps, an element leads a device to the chain of a network.",
        layout=Layout.MAPS,
        happens=elements(lambda found: found.append(["other0", found[0][1]])),
    ),
    Example(
        Code.CHANGED_ELEMENT,
        "In the layout maps, the element of a bridge drops what is to be decided by rules.",
        layout=Layout.MAPS,
        happens=elements(lambda found: found.__setitem__(0, [found[0][0], DROP])),
        others_too=frozenset((Code.REFUSED,)),
    ),
    Example(
        Code.MISSING_MAP,
        "In the layout maps, the map of ranges is gone, with the rule that asks it.",
        layout=Layout.MAPS,
        happens=map_gone,
        others_too=frozenset((Code.MISSING_RULE, Code.OTHER_SOURCE)),
    ),
    Example(
        Code.CHANGED_MAP,
        "In the layout maps, the map of ranges is one of addresses.",
        layout=Layout.MAPS,
        happens=map_without_ranges,
        others_too=frozenset((Code.MISSING_ELEMENT, Code.OTHER_SOURCE)),
    ),
    Example(
        Code.EXTRA_CHAIN,
        "In the layout maps, an earlier definition has left a chain.",
        layout=Layout.MAPS,
        happens=chain_left,
    ),
    Example(Code.REFUSED, "Docker has set the policy of FORWARD to `drop`.", others=docker()),
    Example(
        Code.PASSES,
        "An administrator's rule accepts before libvirt's are asked.",
        backend=Backend.IPTABLES,
        happens=saved_line("-A FORWARD -o virbr0 -j ACCEPT", FIRST_JUMP),
    ),
    Example(
        Code.OTHER_SOURCE,
        "An administrator's table translates the guests, too, and comes first.",
        others=table(
            "ip",
            "nat",
            {
                "postrouting": (
                    hook("postrouting", 90, kind="nat"),
                    [
                        [
                            payload("ip saddr", {"prefix": {"addr": "192.168.0.0", "len": 16}}),
                            {"snat": {"addr": "203.0.113.99"}},
                        ]
                    ],
                )
            },
        ),
    ),
    Example(
        Code.SERVICE_REFUSED,
        "nftables.service loads a table whose chain `input` drops.",
        others=table("inet", "filter", {"input": (hook("input", policy="drop"), [[RELATED, ACCEPT]])}),
    ),
    Example(
        Code.UNDECIDED,
        "Only what nft lists was kept, which tells of matches of iptables no more than their names.",
        others=unclear({"xt": {"type": "match", "name": "string"}}, COUNTER, DROP),
    ),
    Example(
        Code.PARTLY_REFUSED,
        "An administrator keeps some guests in quarantine.",
        others=table(
            "ip",
            "quarantine",
            {
                "forward": (
                    hook("forward", 20),
                    [[payload("ip saddr", {"prefix": {"addr": "192.168.122.8", "len": 29}}), DROP]],
                )
            },
        ),
    ),
    Example(
        Code.PARTLY_PASSES,
        "A port is forwarded to a guest, as a hook of libvirt does.",
        backend=Backend.IPTABLES,
        happens=saved_line("-A FORWARD -d 192.168.122.10/32 -p tcp -m tcp --dport 80 -j ACCEPT", FIRST_JUMP),
    ),
    Example(Code.FORWARDING_OFF, "The host does not forward.", happens=setting("net.ipv4.ip_forward", "0")),
    Example(Code.BRIDGE_MISSING, "The network is not started.", happens=without_link("virbr0")),
    Example(
        Code.REVERSE_PATH_FILTER,
        "The route by a guest is gone, and the bridge filters by reverse path.",
        files=("examples/route-dual-stack.xml",),
        happens=strict,
        others_too=BEHIND,
    ),
    Example(
        Code.BRIDGED_FRAMES_FILTERED,
        "br_netfilter is loaded.",
        happens=setting("net.bridge.bridge-nf-call-iptables", "1"),
    ),
    Example(
        Code.NOT_SEEN,
        "Only what iptables-save prints was kept.",
        backend=Backend.IPTABLES,
        happens=only_iptables,
    ),
    Example(
        Code.NOT_UNDERSTOOD,
        "Somebody put a rule of nft into a table of iptables, which iptables-save then cannot list.",
        backend=Backend.IPTABLES,
        happens=mixed,
    ),
    Example(Code.BRIDGE_NOT_READY, "The bridge has lost its address.", happens=without_address),
    Example(
        Code.OTHER_ROUTE,
        "The routes by a guest are gone.",
        files=("examples/route-dual-stack.xml",),
    ),
    Example(
        Code.DEVICE_MISSING,
        "A network leaves by a card that was taken out.",
        files=("examples/nat-ipv6-ports.xml",),
        happens=without_link("eth0"),
    ),
    Example(
        Code.ROUTES_EXPIRE,
        "The host gets its way out from a router's advertisement.",
        files=("examples/route-dual-stack.xml",),
        happens=advertised,
    ),
    Example(
        Code.BRIDGE_NOT_NAMED,
        "The definition leaves the name of the bridge to libvirt.",
        files=("lab.xml",),
        definition=b"<network><name>lab</name><forward mode='nat'/><ip address='192.168.7.1' prefix='24'/></network>",
    ),
    Example(
        Code.OPEN_HAS_RULES,
        "The network was of mode `nat` once, and its rules were left.",
        files=("examples/open.xml",),
        happens=was_nat,
        others_too=frozenset((Code.OPEN_FILTERED_BY,)),
    ),
    Example(
        Code.OPEN_FILTERED_BY,
        "An administrator's table says what guests of an open network may do.",
        files=("examples/open.xml",),
        others=table(
            "inet", "filter", {"forward": (hook("forward", policy="drop"), [[meta("iifname", "virbr7"), ACCEPT]])}
        ),
    ),
)
"""One for each code, in their order."""
