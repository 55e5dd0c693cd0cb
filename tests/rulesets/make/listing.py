"""What is written down of a host: its rules as its own tools list them, and the rule that a trace names."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spaces import run
from world import get_system

if TYPE_CHECKING:
    from pathlib import Path

    from tracing import Step

_SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
)


@dataclass(frozen=True, slots=True)
class Root:
    """The file system in which the host's programs are."""

    place: Path
    legacy: bool = False

    def run(self, *command: str, given: str = "") -> str:
        """What a program of the host prints that has to succeed."""
        return run("chroot", str(self.place), *command, given=given)

    def attempt(self, *command: str) -> str:
        """What a program of the host prints, "" if it fails."""
        done = subprocess.run(("chroot", str(self.place), *command), capture_output=True, encoding="utf-8", check=False)
        return done.stdout if done.returncode == 0 else ""

    def save(self, family: str) -> str:
        """What `iptables-save` or `ip6tables-save` prints, "" if there are no tables of iptables."""
        program = {"ip": "iptables", "ip6": "ip6tables"}[family] + ("-legacy" if self.legacy else "")
        text = self.attempt(f"{program}-save", "-c")
        return text if "*" in text else ""

    def save_all(self, folder: Path) -> None:
        """Write the rules of the host into a folder, as `nft` and `iptables-save` list them."""
        ruleset = self.run("nft", "-j", "-a", "list", "ruleset")
        folder.joinpath("ruleset.json").write_text(_one_object_a_line(ruleset), encoding="utf-8")
        for family, name in (("ip", "iptables.save"), ("ip6", "ip6tables.save")):
            if text := self.save(family):
                folder.joinpath(name).write_text(text, encoding="utf-8")

    def rule(self, step: Step) -> tuple[str, str]:
        """The text of the rule that a step names: in nft's words, and in iptables' or "" if it is not iptables'."""
        if step.handle is None:
            return f"policy {step.verdict}", self._iptables_policy(step)
        chain = self.run("nft", "-s", "-a", "list", "chain", step.family, step.table, step.chain)
        native = next(line for line in chain.splitlines() if line.endswith(f"# handle {step.handle}"))
        return native.rpartition(" # handle")[0].strip(), self._iptables_rule(step)

    def _iptables_rule(self, step: Step) -> str:
        listed: list[dict[str, Any]] = json.loads(
            self.run("nft", "-j", "-a", "list", "chain", step.family, step.table, step.chain)
        )["nftables"]
        handles = [item["rule"]["handle"] for item in listed if "rule" in item]
        lines = [line for line in self._iptables_table(step) if line.startswith(f"-A {step.chain} ")]
        return lines[handles.index(step.handle)] if len(lines) == len(handles) else ""

    def _iptables_policy(self, step: Step) -> str:
        return next((line for line in self._iptables_table(step) if line.startswith(f":{step.chain} ")), "")

    def _iptables_table(self, step: Step) -> list[str]:
        if step.family not in ("ip", "ip6"):
            return []
        program = "iptables-save" if step.family == "ip" else "ip6tables-save"
        text = self.attempt(program, "-t", step.table)
        return [re.sub(r" \[\d+:\d+\]$", "", line) for line in text.splitlines()]


def host(root: Root, packages: tuple[str, ...]) -> dict[str, Any]:
    """What else bears on the rules: interfaces by index, addresses, routes, settings, versions."""
    return {
        "kernel": run("uname", "-r").split("-")[0],
        "versions": dict(
            line.split(" ", 1)
            for package in sorted({"nftables", "iptables", *packages})
            if (line := root.attempt("dpkg-query", "-W", "-f", "${Package} ${Version}", package))
        ),
        "settings": {name.replace("/", "."): value for name in _SETTINGS if (value := get_system(name)) is not None},
        "interfaces": [
            {
                "index": link["ifindex"],
                "name": link["ifname"],
                "kind": link.get("linkinfo", {}).get("info_kind", ""),
                "bridge": link.get("master", ""),
                "up": "UP" in link["flags"],
                "addresses": [
                    f"{address['local']}/{address['prefixlen']}"
                    for address in link["addr_info"]
                    if address["scope"] != "link"
                ],
            }
            for link in json.loads(run("ip", "-j", "-d", "address", "show"))
        ],
        "routes": [
            {key: route[key] for key in ("dst", "gateway", "dev") if key in route}
            for route in json.loads(run("ip", "-j", "route", "show"))
        ],
    }


def dump(value: dict[str, Any], levels: int = 2) -> str:
    """JSON in which what lies deeper than some levels has one line, so that a difference can be read."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    deep = " " * (levels + 1)
    return re.sub(rf"(?<!\n)\n{deep} *|\n{deep[1:]}(?=[\]}}])", " ", text).replace("[ ", "[").replace(" ]", "]") + "\n"


def _one_object_a_line(ruleset: str) -> str:
    """The listing itself, with white space for people between its objects; nft prints all on one line."""
    objects: list[Any] = json.loads(ruleset)["nftables"]
    return '{"nftables": [\n' + ",\n".join(json.dumps(item, ensure_ascii=False) for item in objects) + "\n]}\n"
