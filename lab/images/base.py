"""The layer that all images share: Debian 13 with Python and PostgreSQL 17, without what no image needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from lab import cache
from lab.images.archive import layer
from lab.shell import run

SUITE = "trixie"
PYTHON = "3.13"
"""The Python of `SUITE`, for which the packages of other layers are chosen."""

PACKAGES = ("ca-certificates", "postgresql-17", "procps", "python3")
UNNEEDED = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt/archives",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/lib/postgresql",
    "var/log",
)
UNNEEDED_LIBRARIES = ("libLLVM*", "libz3*", "libperl*")
"""PostgreSQL's just-in-time compiler and its Perl, both off."""

USER = "1001"


def mirror(apt: Path = Path("/etc/apt")) -> list[str]:
    """The Debian mirror of this machine, as apt reads its sources; without one debootstrap takes its own."""
    ask = ["apt-get", "indextargets", "--no-release-info", "-o", f"Dir::Etc={apt}", "--format=$(REPO_URI)"]
    # Docker's, which ends in /debian too, has no component of this name.
    told = subprocess.run([*ask, "Component: main"], capture_output=True, text=True, check=True)
    for source in told.stdout.split():
        # Debian's cloud images name their mirrors in a file.
        file = re.fullmatch(r"mirror\+file:(.+?)/?", source)
        addresses = Path(file[1]).read_text() if file else source
        if found := re.search(r"https?://\S+/debian(?=/?(?:\s|$))", addresses):
            return [found[0]]
    return []


def _build(out: Path, log: Path) -> None:
    tree = out / "tree"
    packages = ",".join(PACKAGES)
    run(["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, tree, *mirror()], log=log)
    for folder in UNNEEDED:
        shutil.rmtree(tree / folder, ignore_errors=True)
        (tree / folder).mkdir(parents=True)
    for pattern in UNNEEDED_LIBRARIES:
        for library in (tree / "usr/lib/x86_64-linux-gnu").glob(pattern):
            library.unlink()
    with (tree / "etc/passwd").open("a") as passwd:
        passwd.write(f"lab:x:{USER}:{USER}:lab:/tmp:/bin/bash\n")
    with (tree / "etc/group").open("a") as group:
        group.write(f"lab:x:{USER}:\n")
    (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    compile_all(tree, f"/usr/lib/python{PYTHON}", log)
    layer(tree, out / "layer.tar", log)


def compile_all(root: Path, folder: str, log: Path) -> None:
    """Compile the Python files below `folder` of the tree `root`, by that tree's own Python.

    Checked by nothing at run time: layers carry no times, so the usual check would find every
    compiled file stale, and compile all of them again at each start (the image is read-only).
    """
    options = ["-q", "-f", "-j2", "--invalidation-mode=unchecked-hash"]
    run(["chroot", root, "python3", "-m", "compileall", *options, folder], log=log)


def build() -> Path:
    """The folder with `layer.tar` and the `tree` it was packed from."""
    recipe = cache.digest_tree(Path(__file__))
    return cache.cached("image-base", {"recipe": recipe}, _build)
