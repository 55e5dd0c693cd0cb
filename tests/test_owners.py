"""Whose a table, a chain, a rule or a policy is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fwplan.audit.owners import (
    Owner,
    owner_of_chain,
    owner_of_policy,
    owner_of_rule,
    owner_of_table,
)
from fwplan.nft.expressions import Goto, Jump, Meta, Number, Payload, Verdict, Word
from fwplan.nft.ruleset import Chain, Hook, Place, Rule, Ruleset, Table
from fwplan.nft.statements import Counter, Match, Reject

IPTABLES = "iptables / administrator"
ADMINISTRATOR = "nftables.service / administrator"
UNKNOWN = "unknown"


def table(family: str, name: str, *chains: str, policy: str = "accept", flags: tuple[str, ...] = ()) -> Table:
    """A table; chains in capitals without a hyphen or underscore are base chains."""
    made = {}
    for chain in chains:
        built_in = chain.upper() in {"INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"}
        hook = Hook("filter", chain.lower(), 0, "drop" if policy == "drop" else "accept") if built_in else None
        made[chain] = Chain(Place(family, name, chain), hook)
    return Table(family, name, made, flags=flags)


@pytest.mark.parametrize(
    ("named", "owner"),
    [
        ("ip libvirt_network", "libvirt"),
        ("ip6 libvirt_network", "libvirt"),
        ("inet fwplan", "fwplan"),
        ("inet firewalld", "firewalld"),
        ("ip docker-bridges", "Docker"),
        ("ip6 docker-bridges", "Docker"),
        ("inet netavark", "Podman (netavark)"),
        ("ip kube-proxy", "kube-proxy"),
        ("inet cni_hostport", "CNI"),
        ("ip6 calico", "Calico"),
        ("inet incus", "Incus"),
        ("bridge incus", "Incus"),
        ("inet lxd", "LXD"),
        ("inet lxc", "LXC"),
        ("inet f2b-table", "fail2ban"),
        ("ip6 crowdsec6", "CrowdSec"),
        ("ip wg-quick-wg0", "wg-quick"),
        ("ip nm-shared-eth1", "NetworkManager"),
        ("ip io.systemd.nat", "systemd"),
    ],
)
def test_a_table_with_the_name_of_a_program_is_surely_its(named: str, owner: str) -> None:
    family, name = named.split()
    found = owner_of_table(table(family, name))
    assert found.name == owner
    assert found.is_sure
    assert name in found.because


@pytest.mark.parametrize(
    ("made", "owner"),
    [
        (table("ip", "filter", "INPUT", "FORWARD"), IPTABLES),
        (table("ip6", "nat", "POSTROUTING", "LIBVIRT_PRT"), IPTABLES),
        (table("bridge", "filter", "FORWARD"), "ebtables / administrator"),
        (table("ip", "filter", "input", "forward"), ADMINISTRATOR),
        (table("inet", "filter", "input"), ADMINISTRATOR),
        (table("inet", "filter", "INPUT"), ADMINISTRATOR),
        (table("inet", "mine"), UNKNOWN),
        (table("inet", "docker-bridges"), UNKNOWN),
        (table("inet", "mine", flags=("owner",)), UNKNOWN),
    ],
)
def test_the_owner_of_any_other_table_is_a_guess(made: Table, owner: str) -> None:
    found = owner_of_table(made)
    assert found.name == owner
    assert not found.is_sure


@pytest.mark.parametrize(
    ("chain", "owner", "is_sure"),
    [
        ("DOCKER", "Docker", True),
        ("DOCKER-ISOLATION-STAGE-1", "Docker", True),
        ("DOCKERFILES", IPTABLES, False),
        ("LIBVIRT_FWI", "libvirt", True),
        ("libvirt-in", "libvirt", True),
        ("FI-vnet0", "libvirt", False),
        ("ufw-before-forward", "ufw", True),
        ("ufw6-user-input", "ufw", True),
        ("NETAVARK_FORWARD", "Podman (netavark)", True),
        ("NETAVARK-HOSTPORT-DNAT", "Podman (netavark)", True),
        ("KUBE-SERVICES", "kube-proxy", True),
        ("KUBE-SEP-ABCDEFGHIJKLMNOP", "kube-proxy", True),
        ("KUBE-FIREWALL", "kubelet", True),
        ("KUBE-ROUTER-FORWARD", "kube-router", True),
        ("CNI-FORWARD", "CNI", True),
        ("f2b-sshd", "fail2ban", True),
        ("cali-FORWARD", "Calico", True),
        ("CILIUM_FORWARD", "Cilium", True),
        ("ts-forward", "Tailscale", True),
        ("FORWARD_IN_ZONES", "firewalld", True),
        ("INPUT_direct", "firewalld", True),
        ("FWDI_public_allow", "firewalld", True),
        ("FWDO_public", "firewalld", False),
        ("POST_docker", "firewalld", False),
        ("INPUT", IPTABLES, False),
        ("LOGDROP", IPTABLES, False),
    ],
)
def test_in_a_table_of_iptables_the_name_of_a_chain_tells(chain: str, owner: str, is_sure: bool) -> None:  # noqa: FBT001 - a column
    ruleset = Ruleset((table("ip", "filter", "INPUT", "FORWARD", chain),))
    found = owner_of_chain(ruleset, Place("ip", "filter", chain))
    assert (found.name, found.is_sure) == (owner, is_sure)


def test_in_a_table_of_a_program_every_chain_is_its() -> None:
    ruleset = Ruleset((table("inet", "firewalld", "ufw-like", "filter_FORWARD"),))
    assert owner_of_chain(ruleset, Place("inet", "firewalld", "ufw-like")).name == "firewalld"
    assert owner_of_chain(ruleset, Place("inet", "firewalld", "filter_FORWARD")).name == "firewalld"


def test_a_chain_that_is_nowhere_is_unknown() -> None:
    assert owner_of_chain(Ruleset(), Place("ip", "gone", "forward")).name == UNKNOWN


FORWARD = Place("ip", "filter", "FORWARD")


@pytest.mark.parametrize(
    ("rule", "owner", "because"),
    [
        (Rule(FORWARD, (Counter(), Jump("DOCKER-USER"))), "Docker", "it leads to the chain DOCKER-USER"),
        (Rule(FORWARD, (Jump("LIBVIRT_FWX"),)), "libvirt", "it leads to the chain LIBVIRT_FWX"),
        (Rule(FORWARD, (Goto("ts-forward"),)), "Tailscale", "it leads to the chain ts-forward"),
        (
            Rule(FORWARD, (Counter(), Jump("KUBE-FORWARD")), comment="kubernetes forwarding rules"),
            "kube-proxy",
            "it leads to the chain KUBE-FORWARD",
        ),
        (
            Rule(FORWARD, (Verdict.ACCEPT,), comment="generated for LXD network lxdbr0"),
            "LXD",
            "its comment is 'generated for LXD network lxdbr0'",
        ),
        (
            Rule(FORWARD, (Match("==", Meta("oifname"), Word("docker0")), Verdict.ACCEPT)),
            "Docker",
            "it names docker0, an interface as Docker has",
        ),
        (
            Rule(FORWARD, (Match("==", Meta("oifname"), Word("virbr0")), Verdict.DROP)),
            IPTABLES,
            "FORWARD is a chain of iptables itself",
        ),
        (Rule(FORWARD, (Jump("MINE"),)), IPTABLES, "FORWARD is a chain of iptables itself"),
        (
            Rule(Place("ip", "filter", "DOCKER-USER"), (Counter(), Verdict.RETURN)),
            "Docker",
            "the chain is named DOCKER-USER",
        ),
        (
            Rule(Place("ip", "filter", "DOCKER-USER"), (Verdict.DROP,)),
            IPTABLES,
            "Docker leaves DOCKER-USER to the administrator",
        ),
        (Rule(Place("ip", "filter", "f2b-sshd"), (Verdict.DROP,)), "fail2ban", "the chain is named f2b-sshd"),
        (
            Rule(Place("inet", "firewalld", "x"), (Jump("DOCKER"),)),
            "firewalld",
            "the table is named firewalld",
        ),
    ],
)
def test_a_rule_is_of_whom_its_chain_is_or_what_it_names(rule: Rule, owner: str, because: str) -> None:
    ruleset = Ruleset((table("ip", "filter", "FORWARD", "DOCKER-USER", "f2b-sshd"), table("inet", "firewalld", "x")))
    found = owner_of_rule(ruleset, rule)
    assert (found.name, found.because) == (owner, because)


LIBVIRT = Place("ip", "libvirt_network", "guest_input")
BY_BRIDGE = Match("==", Meta("oif"), Word("virbr0"))
TO_PORT = Match("==", Payload("tcp", "dport"), Number(22))


@pytest.mark.parametrize(
    ("rule", "owner"),
    [
        (Rule(LIBVIRT, (BY_BRIDGE, Counter(), Reject())), "libvirt"),
        (Rule(replace(LIBVIRT, chain="forward"), (Counter(), Jump("guest_input"))), "libvirt"),
        (Rule(LIBVIRT, (Counter(), Jump("guest_input"))), UNKNOWN),
        (Rule(LIBVIRT, (BY_BRIDGE, TO_PORT, Verdict.ACCEPT)), UNKNOWN),
        (Rule(LIBVIRT, (BY_BRIDGE, Verdict.DROP)), UNKNOWN),
        (Rule(LIBVIRT, (Counter(), Verdict.ACCEPT)), UNKNOWN),
    ],
)
def test_what_libvirt_does_not_write_is_not_its_rule_even_in_its_table(rule: Rule, owner: str) -> None:
    ruleset = Ruleset((table("ip", "libvirt_network", "forward", "guest_input"),))
    assert owner_of_rule(ruleset, rule).name == owner


def _policy(chain: str, *beside: str, policy: str = "drop", name: str = "filter") -> Owner:
    made = table("ip", name, "INPUT", "FORWARD", *beside, policy=policy)
    return owner_of_policy(Ruleset((made,)), made.chains[chain])


def test_docker_sets_the_policy_of_forward_where_its_chains_are() -> None:
    assert _policy("FORWARD", "DOCKER", "DOCKER-USER").name == "Docker"
    assert _policy("INPUT", "DOCKER", "DOCKER-USER").name == IPTABLES
    assert _policy("FORWARD", "DOCKER", policy="accept").name == IPTABLES


def test_ufw_sets_the_policies_of_the_chains_that_it_filters() -> None:
    assert _policy("FORWARD", "ufw-before-forward").name == "ufw"
    assert _policy("INPUT", "ufw-before-forward").name == "ufw"
    assert _policy("INPUT", "ufw-before-forward", policy="accept").name == "ufw"


def test_of_two_that_set_it_ufw_is_named_and_the_other_beside_it() -> None:
    found = _policy("FORWARD", "ufw-before-forward", "DOCKER")
    assert (found.name, found.because) == ("ufw", "ufw sets the policy of FORWARD, as Docker does")


def test_any_other_policy_is_the_administrators_and_accept_perhaps_nobodys() -> None:
    assert _policy("FORWARD", "LIBVIRT_FWI").name == IPTABLES
    assert "until somebody sets another" in _policy("FORWARD", policy="accept").because
    assert _policy("FORWARD", "DOCKER", name="nat").name == IPTABLES


def test_the_policy_of_a_programs_own_chain_is_its() -> None:
    made = table("ip", "docker-bridges", "forward", policy="drop")
    assert owner_of_policy(Ruleset((made,)), made.chains["forward"]).name == "Docker"


def test_legacy_tables_are_found_beside_those_of_nft() -> None:
    nft = table("ip", "filter", "INPUT", "ts-input")
    legacy = table("ip", "filter", "FORWARD", "DOCKER", policy="drop")
    legacy = Table("ip", "filter", legacy.chains, program="iptables-legacy")
    ruleset = Ruleset((nft, legacy))
    assert owner_of_chain(ruleset, Place("ip", "filter", "DOCKER")).name == "Docker"
    assert owner_of_policy(ruleset, legacy.chains["FORWARD"]).name == "Docker"
    assert owner_of_chain(ruleset, Place("ip", "filter", "FORWARD")).name == IPTABLES
