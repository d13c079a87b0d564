"""The lab as one thing: up, down, and what others must know of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from filelock import FileLock

from lab import cache, charts, images, paths, plugins, prerequisites, proxies, steps, tools
from lab.cluster import (
    control_plane,
    hosts,
    ingress,
    network,
    node,
    pki,
    policies,
    services,
    teardown,
    trust,
)
from lab.cluster.processes import Program, end
from lab.steps import Step, StepError

API_CLIENTS = (
    *("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
    *("coredns", "volumes", "traefik", "certificates", "policies"),
)
"""The programs that watch the API server."""


def bin_folder() -> Path:
    """The folder with the lab's programs."""
    return tools.bin_folder()


def run_folder() -> Path:
    """Everything that belongs to the running lab, and goes with it."""
    return paths.run()


def pulumi_home() -> Path:
    """PULUMI_HOME: plugins and the selection of stacks; the person's own stays untouched."""
    return paths.root() / "pulumi"


def engine_environ() -> dict[str, str]:
    """What a shell needs for the engine that is built here, besides the programs on PATH."""
    return {
        "PULUMI_HOME": str(pulumi_home()),
        "PULUMI_PYTHON_CMD": str(paths.LAB / "shim" / "python"),
    }


def environ() -> dict[str, str]:
    """What a shell needs to reach the lab's cluster, besides the programs on PATH."""
    cluster = {"KUBECONFIG": str(pki.kubeconfig()), "KUBECACHEDIR": str(paths.run() / "kube-cache")}
    trusted = dict.fromkeys(trust.VARIABLES, str(trust.bundle()))
    return {**cluster, **trusted, **proxies.direct(), **engine_environ()}


def s3_keys() -> tuple[str, str]:
    """Access key and secret key of the lab's S3 server."""
    return services.s3_keys()


def settings() -> dict[str, str | None]:
    """What the lab sets over the committed `Pulumi.dev.yaml`."""
    return {"chart": charts.served(services.REGISTRY)} if _chart_mark().read_text() else {}


def _chart_mark() -> Path:
    """Holds which archive of the stand-in chart is served; empty where the chart's own registry answers."""
    return paths.run() / "chart"


def install_tools() -> None:
    """Only what deploys (engine, Helm, plugins): for a cluster that is there already."""
    steps.run([*_packages(prerequisites.FOR_BUILDS), *_builds(tools.ENGINE), *_helm(), _plugins()])


def _packages(wanted: Mapping[str, str] | None = None) -> list[Step]:
    return [Step("Debian packages", partial(prerequisites.install, paths.logs() / "packages.log", wanted))]


def _builds(modules: list[tools.Module]) -> list[Step]:
    return [
        Step(f"Program {module.name}", partial(_build_program, module), ["Debian packages"])
        for module in modules
    ]


def _build_program(module: tools.Module) -> None:
    tools.link(module.build())


def _helm() -> list[Step]:
    return [
        Step("Program helm and provider plugins", lambda: tools.link(plugins.build()), ["Debian packages"])
    ]


def _plugins() -> Step:
    return Step(
        "Pulumi plugins",
        lambda: plugins.ensure(pulumi_home(), bin_folder() / "pulumi"),
        ["Program pulumi", "Program helm and provider plugins"],
    )


def _start_named(name: str) -> None:
    programs = {program.name: program for program in _programs()}
    if programs[name].start() and name == "kube-apiserver":
        # What watched the one before asks again only after a pause of up to a minute.
        watching = [programs[client].process() for client in API_CLIENTS]
        end([process for process in watching if process])
    programs[name].wait()


def _programs() -> list[Program]:
    """All programs of the running lab, in the order of starting."""
    return [
        *control_plane.programs(),
        node.containerd(),
        *node.programs(),
        services.dns(),
        services.s3(),
        services.registry(),
        services.volumes(),
        ingress.traefik(),
        ingress.certificates(),
        policies.program(),
    ]


def _prepare() -> None:
    paths.run().mkdir(parents=True, exist_ok=True)
    paths.run().chmod(0o700)
    if not teardown.pod_processes():
        teardown.forget_containers()
    network.up()
    policies.up()
    pki.create(node.NAME, ["127.0.0.1", network.GATEWAY, "198.19.0.1"])
    trust.create()
    hosts.up()


def _import(archive: Callable[[], Path]) -> None:
    node.import_image(archive())


def build() -> None:
    """Build everything that `up` starts. Raises `StepError`."""
    steps.run(_building())


def build_checks() -> None:
    """Build what the fast tests run: `helm`, the stand-in plugins, linters. Raises `StepError`."""
    checks = [Step(f"Program {module.name}", module.build, ["Debian packages"]) for module in tools.CHECKS]
    steps.run([*_packages(prerequisites.FOR_CHECKS), *_helm(), *checks])


def build_for_tests() -> None:
    """Have what the end-to-end tests run besides the lab. Raises `StepError`."""
    languages = Step(f"Program {tools.LANGUAGES.name}", tools.LANGUAGES.build, ["Debian packages"])
    steps.run([*_packages(prerequisites.FOR_TESTS), languages])


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else starts or stops the lab inside the block; a second one waits."""
    paths.root().mkdir(parents=True, exist_ok=True)
    with FileLock(paths.root() / "lab.lock"):
        yield


def up() -> None:
    """Bring the lab up, or what of it is down. Raises `StepError`."""
    began = time.monotonic()
    os.environ.update(proxies.direct())
    with _alone():
        if _healthy():
            _chart()
            steps.console.print("[green]✓[/green] The lab is up")
            return
        _check_machine()
        _whole_mark().unlink(missing_ok=True)
        steps.run([*_building(), *_starting()])
        _whole_mark().write_text(_whole())
    steps.console.print(f"The lab is up, in {time.monotonic() - began:.0f} s; logs: {paths.logs()}")


def _check_machine() -> None:
    """Raise `StepError` for what no step mends, in the first second."""
    from lab import doctor  # which asks this module what runs

    if unfit := doctor.unfit():
        findings = (f"- {finding.what}: {finding.fix}" for finding in unfit)
        raise StepError("\n".join(["this machine does not suit the lab:", *findings]))


def _whole_mark() -> Path:
    """Once an `up` came to its end, of what: one that was ended may have imported some of the images."""
    return paths.run() / "whole"


def _whole() -> str:
    """A digest of all that the lab is made from; another commit has other plugins, images or programs."""
    return cache.digest_tree(paths.LAB, paths.REPO / "requirements.lock")


def _building() -> list[Step]:
    pictures = [Step("Image pause", images.pause, ["Debian packages"])]
    pictures.append(Step("Image base", images.base.build, ["Debian packages"]))
    pictures += [Step(f"Image {image.name}", image.build, ["Image base"]) for image in images.IMAGES]
    return [*_packages(), *_builds([*tools.CLUSTER, *tools.ENGINE]), *_helm(), *pictures, _plugins()]


def _starting() -> list[Step]:
    """The steps that start what is not running; each waits for the program or image that it needs."""
    control = [f"Start {name}" for name in ("etcd", "kube-apiserver")]
    archives = {"pause": images.pause, **{image.name: image.build for image in images.IMAGES}}
    imports = [
        Step(f"Import {name}", partial(_import, archive), [f"Image {name}", "Start containerd"])
        for name, archive in archives.items()
    ]
    needs = {
        "etcd": ["Network and certificates"],
        "kube-apiserver": ["Start etcd", "Program kubernetes"],
        "kube-controller-manager": control,
        "kube-scheduler": control,
        "containerd": ["Network and certificates"],
        "kubelet": [*control, "Start containerd", "Import pause"],
        # It waits 30 s for the node, and then goes on without, for good.
        "kube-proxy": [*control, "Start kubelet"],
        "coredns": [*control, "Program addons"],
        "s3": ["Network and certificates", "Program versitygw"],
        "registry": ["Network and certificates"],
        "volumes": [*control, "Program addons"],
        "traefik": ["Cluster objects", "Program addons"],
        "certificates": ["Cluster objects", "Program addons"],
        "policies": [*control, "Program addons"],
    }
    starts = [Step(f"Start {name}", partial(_start_named, name), after) for name, after in needs.items()]
    return [
        Step("Network and certificates", _prepare, ["Debian packages"]),
        *starts,
        *imports,
        Step("Cluster objects", _apply_objects, [*control, "Program addons"]),
        Step("Node ready", _node_ready, ["Start kubelet", "Start kube-proxy", "Start coredns"]),
        Step("Chart", _chart, ["Start registry", "Program helm and provider plugins"]),
    ]


def kubectl(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run kubectl against the lab's cluster."""
    # An API server whose etcd is gone answers nothing at all.
    command = [
        *(str(bin_folder() / "kubectl"), f"--kubeconfig={pki.kubeconfig()}", "--request-timeout=5s"),
        *args,
    ]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


_FORCED = ("--server-side", "--force-conflicts", "--request-timeout=60s")
"""The lab's own objects are as it says, whoever changed them; beside imports an answer takes long."""


def _objects_mark() -> Path:
    """Holds a digest of the objects that the cluster has been given."""
    return paths.run() / "objects"


def _objects_digest() -> str:
    """Of the objects and their kinds, as they are to be; empty while the programs are not built."""
    kinds = ingress.kinds()
    if not all(file.exists() for file in kinds):
        return ""
    return hashlib.sha256(b"\0".join([services.objects().encode(), *map(Path.read_bytes, kinds)])).hexdigest()


def _apply_objects() -> None:
    """Give the cluster what it is to hold; it keeps that, also over a reboot."""
    digest, objects = _objects_digest(), services.objects()
    if _objects_mark().exists() and _objects_mark().read_text() == digest:
        return
    kinds = kubectl("apply", *_FORCED, *(f"--filename={file}" for file in ingress.kinds()))
    if kinds.returncode:
        raise RuntimeError(kinds.stderr.strip())
    deadline = time.monotonic() + 60
    while (given := kubectl("apply", *_FORCED, "-f", "-", stdin=objects)).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(given.stderr.strip())
        if "forbidden" in given.stderr.lower() or "immutable" in given.stderr:
            # The classes of an older lab cannot be changed; volumes that exist need them no more.
            kubectl("delete", "storageclass", *services.STORAGE_CLASSES)
        elif "no matches for kind" not in given.stderr:
            raise RuntimeError(given.stderr.strip())
        # The API server serves a new kind some tenths of a second after it was told of it.
        time.sleep(0.2)
    _objects_mark().write_text(digest)


def _node_ready() -> None:
    deadline = time.monotonic() + 60
    while True:
        done = kubectl("wait", "--for=condition=Ready", f"node/{node.NAME}", "--timeout=5s")
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"the node is not ready after 60 s: {done.stderr.strip()}")
        time.sleep(0.2)


def _chart() -> None:
    """Serve the stand-in chart where the official one is out of reach, and serve it anew when it changed."""
    mark = _chart_mark()
    served = mark.read_text() if mark.exists() else None
    if served == "" or (served is None and services.chart_is_official()):
        mark.write_text("")
        return
    helm = bin_folder() / "helm"
    archive = charts.package(helm)
    if served != str(archive):
        charts.push(archive, services.REGISTRY, helm, paths.logs() / "chart.log")
        mark.write_text(str(archive))
        steps.console.print("[dim]The chart's registry is out of reach: the lab serves its stand-in[/dim]")


def _healthy() -> bool:
    """Whether all was started, every program runs, the cluster has its objects, and the node is ready."""
    if not _whole_mark().exists() or _whole_mark().read_text() != _whole():
        return False
    mark = _objects_mark()
    if not mark.exists() or mark.read_text() != _objects_digest() or not hosts.known():
        return False
    return all(program.process() for program in _programs()) and (
        "True" in kubectl("get", "node", node.NAME, "-o", "jsonpath={.status.conditions[-1].status}").stdout
    )


def status() -> list[tuple[str, int | None, int]]:
    """Each program of the lab, its pid and its memory in bytes (proportional share); pods last."""
    rows: list[tuple[str, int | None, int]] = []
    if not (paths.run() / "kubelet.kubeconfig").exists():
        return rows
    for program in _programs():
        process = program.process()
        rows.append((program.name, process.pid if process else None, _memory([process]) if process else 0))
    rows.append(("pods and their shims", None, _memory(teardown.pod_processes())))
    return rows


def _memory(processes: list[psutil.Process]) -> int:
    total = 0
    for process in processes:
        try:
            total += int(process.memory_full_info().pss)
        except psutil.Error:
            continue
    return total


def stop() -> None:
    """End all of the lab and keep its files: `up` brings back the same cluster, with all its data."""
    with _alone():
        status()  # which mends the records that the teardown goes by
        teardown.stop()


def down() -> None:
    """Take the lab down; nothing of it is left but the cache of builds."""
    with _alone():
        status()
        teardown.everything()
        # What an interrupted installation left is for this run to complete: nobody may come after it.
        prerequisites.install(paths.logs() / "packages.log", {})
