"""Rules between settings of the server's pods and volumes. No rule asks a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.extra import leaves
from components.settings.findings import Finding, no_effect, wrong
from components.settings.model import Settings, key_of, remove_command, set_command
from components.settings.quantities import quantity
from components.settings.server import SCRATCH_REQUEST

_VOLUME = ("tracking_volume_class", "tracking_volume_size", "tracking_volume_access_mode")
_CLAIM = "tracking.persistence.existingClaim"
_SCALING = ("autoscaling_min", "autoscaling_max", "autoscaling_cpu", "autoscaling_memory")


def volumes(settings: Settings) -> Iterator[Finding]:
    """A volume has settings only where it exists, and many pods only where they can share it."""
    if not settings.has_tracking_volume:
        for name in _VOLUME:
            yield from no_effect(
                settings, name, "without a tracking volume", "tracking_volume", "artifact_store"
            )
        if any(path == _CLAIM and value for path, value in leaves(settings.extra_values)):
            yield wrong(
                settings,
                "extra_values",
                "nothing: it has no effect without a tracking volume",
                f"pulumi config rm --path 'extraValues.{_CLAIM}'",
                *("tracking_volume", "artifact_store"),
                what=_CLAIM,
            )
        if settings.database == "external":
            yield from no_effect(
                settings,
                "storage_class",
                "without any volume",
                "tracking_volume",
                "artifact_store",
                "database",
            )
        return
    pods = "autoscaling_max" if settings.autoscaling else "tracking_replicas"
    if getattr(settings, pods) > 1 and settings.tracking_volume_access_mode == "ReadWriteOnce":
        needed = settings.artifact_store == "volume"
        fix = ("tracking_volume_access_mode", "ReadWriteMany") if needed else ("tracking_volume", "false")
        others = ("tracking_volume", "tracking_volume_access_mode", "artifact_store", "autoscaling")
        yield wrong(settings, pods, "1 with a ReadWriteOnce tracking volume", set_command(*fix), *others)


def server(settings: Settings) -> Iterator[Finding]:
    """Autoscaling and resources fit together."""
    if "ephemeral-storage" in settings.tracking_resources.get("limits", {}):
        yield wrong(
            settings,
            "tracking_resources",
            "no limits.ephemeral-storage: trackingScratchSize sets it",
            "pulumi config rm --path 'trackingResources.limits.ephemeral-storage'",
        )
    request = settings.tracking_resources.get("requests", {}).get("ephemeral-storage", SCRATCH_REQUEST)
    if quantity(request) > quantity(settings.tracking_scratch_size):
        yield wrong(
            settings,
            "tracking_scratch_size",
            f"at least {request}, which a pod requests in advance",
            set_command("tracking_scratch_size"),
            "tracking_resources",
        )
    if not settings.autoscaling:
        for name in _SCALING:
            yield from no_effect(settings, name, "with autoscaling false", "autoscaling")
        return
    yield from no_effect(settings, "tracking_replicas", "with autoscaling true", "autoscaling")
    if settings.autoscaling_min > settings.autoscaling_max:
        yield wrong(
            settings,
            "autoscaling_min",
            f"at most autoscalingMax, {settings.autoscaling_max}",
            set_command("autoscaling_min", str(settings.autoscaling_max)),
            "autoscaling_max",
        )
    targets = {"cpu": settings.autoscaling_cpu, "memory": settings.autoscaling_memory}
    if not any(targets.values()):
        yield wrong(
            settings,
            "autoscaling_cpu",
            "above 0, or autoscalingMemory above 0",
            remove_command("autoscaling_cpu"),
            "autoscaling_memory",
        )
    for resource, target in targets.items():
        if target and resource not in settings.tracking_resources.get("requests", {}):
            path = f"{key_of('tracking_resources')}.requests.{resource}"
            yield wrong(
                settings,
                "tracking_resources",
                f"requests.{resource}, which autoscaling measures against",
                f"pulumi config set --path {path} {'500m' if resource == 'cpu' else '1Gi'}",
                f"autoscaling_{resource}",
            )
