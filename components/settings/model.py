"""All settings of a stack as one frozen object, and how one of them is named, set and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import PrivateAttr, SecretStr

from components import names
from components.settings.backup import Backup
from components.settings.cluster import Chart, Cluster, Images
from components.settings.fields import Group, Knob, knob_of
from components.settings.housekeeping import Housekeeping
from components.settings.network import Ingress, Metrics, Network
from components.settings.server import Database, Extra, Server, Volumes
from components.settings.stores import S3, Artifacts, Azure, Gcs


class Settings(
    Cluster,
    Chart,
    Images,
    Ingress,
    Network,
    Artifacts,
    S3,
    Gcs,
    Azure,
    Database,
    Volumes,
    Server,
    Metrics,
    Backup,
    Housekeeping,
    Extra,
):
    """A stack's settings, each valid in itself. `components.settings.load` makes them valid together."""

    _later: Mapping[str, pulumi.Output[str]] = PrivateAttr(default_factory=dict)

    @property
    def later(self) -> Mapping[str, pulumi.Output[str]]:
        """Secret fields whose text only the engine knows, while it runs; the field has a stand-in.

        None of a stack's own: they come from another program that uses the component.
        """
        return self._later

    def with_later(self, later: Mapping[str, pulumi.Output[str]]) -> Settings:
        """The same settings, with these secret fields given."""
        copy = self.model_copy(update=dict.fromkeys(later, SecretStr("known later")))
        copy._later = dict(later)
        return copy

    @property
    def has_tracking_volume(self) -> bool:
        """Whether the server has a volume: asked for, or needed by the artifact store."""
        return self.tracking_volume or self.artifact_store == "volume"

    @property
    def access(self) -> str:
        """Who reaches the server's pods: `network_access` without `auto`."""
        if self.network_access != "auto":
            return self.network_access
        return "ingress" if self.ingress_host else "cluster"

    @property
    def protect(self) -> bool | None:
        """The engine's protection of what data hangs on; None leaves it to that of the component."""
        return self.production or None

    @property
    def kept_chart_secret(self) -> bool:
        """Whether the sub-chart's own password Secret stays in charge (a release adopted from Helm)."""
        return self.database_existing_secret == names.database(self.release_name)


def exporter(settings: Settings) -> bool:
    """Whether the sub-chart's database has an exporter of metrics (`postgresql.metrics`, chart 5.1.17)."""
    return settings.database == "subchart" and any(
        _at(values, "postgresql", "metrics", "enabled") is True
        for values in (settings.extra_values, settings.adopted_values)
    )


def _at(values: Any, *path: str) -> Any:
    """What stands at a path of nested maps; None where there is nothing."""
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


GROUPS: tuple[type[Group], ...] = Settings.__bases__
"""In the order in which a person reads them."""
KEYS: dict[str, str] = {str(field.alias): name for name, field in Settings.model_fields.items()}
"""Key of the Pulumi configuration (camelCase) to name of the field."""


def key_of(name: str) -> str:
    """The configuration key of a field."""
    return str(Settings.model_fields[name].alias)


def about(name: str) -> Knob:
    """What is declared of a field besides its type."""
    return knob_of(Settings.model_fields[name])


def default_of(name: str) -> Any:
    """The default of a field, comparable with its value."""
    return Settings.model_fields[name].default


def is_given(settings: Settings, name: str) -> bool:
    """Whether a field differs from its default (the engine fills in defaults, so no more can be known)."""
    return bool(getattr(settings, name) != default_of(name))


def text_of(settings: Settings, name: str) -> str:
    """The plain text of a secret field; empty when it is not set."""
    value = getattr(settings, name)
    assert isinstance(value, SecretStr)  # noqa: S101 - a fault of the caller, never of a user
    return value.get_secret_value()


def secret_of(settings: Settings, name: str) -> pulumi.Output[str]:
    """The text of a secret field as the engine handles it: known already, or later."""
    if name in settings.later:
        return pulumi.Output.secret(settings.later[name])
    return pulumi.Output.secret(text_of(settings, name))


def set_command(name: str, example: str = "") -> str:
    """The command that sets a field; a secret's value is asked for, so it reaches no shell history."""
    if about(name).secret:
        return f"pulumi config set --secret {key_of(name)}"
    example = example or about(name).example
    if example.startswith("--path "):
        return f"pulumi config set {example}"
    # The shell would put a home of this machine in its place.
    example = f"'{example}'" if example.startswith("~") else example
    return f"pulumi config set {key_of(name)} {example}"


def remove_command(name: str) -> str:
    """The command that puts a field back to its default."""
    return f"pulumi config rm {key_of(name)}"
