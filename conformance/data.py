"""Reads libvirt's test data in libvirt's own formats."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.plan import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Command = list[str]

_ECHO = "-ae"
"""libvirt asks nft for the handles of what it inserts: how it asks is no part of the operation."""


@dataclass(frozen=True, slots=True)
class FirewallCase:
    """A definition and the commands that one backend has to lead to."""

    name: str
    backend: Backend
    definition: bytes
    commands: list[Command]


@dataclass(frozen=True, slots=True)
class RunCase:
    """A definition and what a running libvirt made of it."""

    name: str
    definition: bytes
    accepted: bool
    says: str
    commands: dict[Backend, list[Command]]


@dataclass(frozen=True, slots=True)
class FormCase:
    """A definition and how libvirt writes it back."""

    name: str
    definition: bytes
    written: bytes


def read_definition(path: Path) -> bytes:
    """The content of a file, or of the one that it names: checkouts without symbolic links have such files."""
    content = path.read_bytes()
    if b"<" not in content and content.strip().endswith(b".xml"):
        return read_definition(path.parent / content.strip().decode())
    return content


def read_commands(path: Path) -> list[Command]:
    """The operations among the commands of a file: one argument a line, lines continued by a backslash."""
    logical_lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    commands = ([word for word in shlex.split(line) if word != _ECHO] for line in logical_lines)
    return [command for command in commands if command and not _is_query(command)]


def _is_query(command: Command) -> bool:
    return bool({"list", "show", "--list-rules"}.intersection(command))


def firewall_cases(tests: Path) -> Iterator[FirewallCase]:
    """Every definition of networkxml2firewalldata, for each backend."""
    for definition in sorted((tests / "networkxml2firewalldata").glob("*.xml")):
        for backend in Backend:
            expected = definition.with_name(f"{definition.stem}-linux.{backend.value}")
            if expected.exists():
                yield FirewallCase(definition.stem, backend, read_definition(definition), read_commands(expected))


def set_up_commands(tests: Path) -> dict[Backend, list[Command]]:
    """What libvirt does once on a host."""
    files = {backend: tests / "networkxml2firewalldata" / f"base.{backend.value}" for backend in Backend}
    return {backend: read_commands(path) for backend, path in files.items() if path.exists()}


def form_cases(tests: Path) -> Iterator[FormCase]:
    """Every definition of networkxml2xmlin that libvirt writes back."""
    for definition in sorted((tests / "networkxml2xmlin").glob("*.xml")):
        written = tests / "networkxml2xmlout" / definition.name
        if written.exists():
            yield FormCase(definition.stem, read_definition(definition), read_definition(written))


def run_cases(folder: Path, tests: Path) -> Iterator[RunCase]:
    """What running libvirts made of networkxml2xmlin, from every `networkxml2xmlin-*.json`."""
    for file in sorted(folder.glob("networkxml2xmlin-*.json")):
        for name, answer in json.loads(file.read_text(encoding="utf-8")).items():
            yield RunCase(
                name=name,
                definition=read_definition(tests / "networkxml2xmlin" / f"{name}.xml"),
                accepted=answer["accepted"],
                says=answer.get("libvirt_says", ""),
                commands={
                    backend: [shlex.split(line) for line in answer[backend.value]]
                    for backend in Backend
                    if backend.value in answer
                },
            )
