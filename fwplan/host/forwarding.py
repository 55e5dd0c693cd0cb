"""Settings of the kernel as a part of a host: whether it forwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fwplan.plan.difference import Difference, Step
from fwplan.plan.intents import Family
from fwplan.plan.operations import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import System

FORWARDING = {Family.IPV4: "net.ipv4.ip_forward", Family.IPV6: "net.ipv6.conf.all.forwarding"}
"""The settings that let a host forward, as sysctl(8) names them."""


@dataclass(frozen=True, slots=True)
class SettingsPart:
    """Settings of the kernel as they are to be."""

    kind: ClassVar[str] = "settings"

    values: Mapping[str, str]

    def compare(self, system: System) -> SettingsChange:
        """Read the settings, and find which are otherwise.

        Raises:
            HostError: a setting cannot be read.
        """
        now = {name: system.setting(name) for name in self.values}
        other = {name: value for name, value in self.values.items() if now[name] != value}
        return SettingsChange(SettingsPart({name: now[name] for name in other}), other)

    def document(self) -> Json:
        """The part as the journal keeps it."""
        return {"kind": self.kind, "values": dict(self.values)}

    @classmethod
    def from_document(cls, document: Json) -> SettingsPart:
        """What the journal keeps."""
        return cls(document["values"])


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """Settings that are to be changed."""

    kind: ClassVar[str] = SettingsPart.kind

    before: SettingsPart
    values: Mapping[str, str]
    unchanged: ClassVar[int] = 0
    obstacles: ClassVar[tuple[str, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The settings that are not as they are wanted."""
        return tuple(Difference(Step.ADD, Setting(name, value)) for name, value in self.values.items())

    def make(self, system: System) -> None:
        """Change the settings.

        Raises:
            HostError: the kernel refused.
        """
        for name, value in self.values.items():
            system.change_setting(name, value)

    def credited(self, applied: Applied) -> Applied:
        """What was applied, unchanged: a setting stays when networks go."""
        return applied
