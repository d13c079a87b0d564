"""Builds are kept by content: made once, never trusted half-written, whoever runs and is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from filelock import FileLock

from lab import cache, paths, shell
from tests.unit.running import ended, number_in

INPUTS = {"version": "1"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's home of the test's own; nothing is flushed to the disk for it."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "sync", lambda: None)
    return tmp_path / "home"


def _writes(text: str) -> cache.Build:
    def build(out: Path, log: Path) -> None:
        (out / "file").write_text(text)

    return build


def _fails(out: Path, log: Path) -> None:
    (out / "file").write_text("half")
    raise RuntimeError("no luck")


def _below(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def _process(build: str, first: str = "") -> subprocess.Popen[str]:
    """Another process that asks for the build `thing`: `build` are the lines of its build function."""
    body = build.replace("\n", "\n    ")
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom lab import cache, shell\n"
        f"def build(out, log):\n    {body}\n{first}\nprint(cache.cached('thing', {INPUTS!r}, build))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=paths.REPO, stdout=subprocess.PIPE, text=True
    )


def test_built_once() -> None:
    first = cache.cached("thing", INPUTS, _writes("one"))
    assert cache.cached("thing", INPUTS, _fails) == first == cache.location("thing", INPUTS)
    assert (first / "file").read_text() == "one"
    assert first.parent == paths.cache()


def test_other_inputs_are_another_build_whatever_their_order() -> None:
    first = cache.location("thing", {"a": 1, "b": 2})
    assert cache.location("thing", {"b": 2, "a": 1}) == first
    assert len({first, cache.location("thing", {"a": 1, "b": 3}), cache.location("other", {"a": 1})}) == 3


def test_a_build_is_told_its_log_which_holds_this_try_alone() -> None:
    logs: list[Path] = []

    def build(out: Path, log: Path) -> None:
        logs.append(log)
        shell.run(["echo", "tried"], log=log)
        if len(logs) == 1:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.cached("thing", INPUTS, build)
    final = cache.cached("thing", INPUTS, build)
    assert logs == [paths.logs() / "build" / f"{final.name}.log"] * 2
    assert logs[0].read_text() == "tried\n"


def test_a_failed_build_leaves_nothing_and_is_tried_again(home: Path) -> None:
    with pytest.raises(RuntimeError, match="no luck"):
        cache.cached("thing", INPUTS, _fails)
    assert _below(home / "cache") == []
    assert (cache.cached("thing", INPUTS, _writes("whole")) / "file").read_text() == "whole"


def test_a_build_is_on_the_disk_before_it_takes_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut later finds either nothing or all of it."""
    seen: list[bool] = []
    monkeypatch.setattr(os, "sync", lambda: seen.append(cache.location("thing", INPUTS).exists()))
    cache.cached("thing", INPUTS, _writes("one"))
    assert seen == [False]


def test_a_build_killed_half_way_is_made_again_and_its_programs_end(home: Path) -> None:
    pid = home.parent / "pid"
    killed = _process(
        "(out / 'file').write_text('half')\n"
        f"shell.run(['sh', '-c', 'echo $$ > {pid}; exec sleep 60'], log=log)"
    )
    program = number_in(pid)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not cache.location("thing", INPUTS).exists()
    assert len(_below(home / "cache")) == 1
    final = cache.cached("thing", INPUTS, _writes("whole"))
    assert [file.name for file in final.iterdir()] == ["file"]
    assert (final / "file").read_text() == "whole"
    assert _below(home / "cache") == [final.name]
    assert ended(program)


def test_two_processes_at_once_build_once(home: Path) -> None:
    """The second waits for the first and gives the same folder."""
    count, here = home / "count", home / "here"
    here.mkdir(parents=True)
    build = (
        f"with open({str(count)!r}, 'a') as f: f.write('x')\n"
        f"while len(os.listdir({str(here)!r})) < 2: time.sleep(0.01)\n"
        "time.sleep(0.1)"
    )
    announce = f"Path({str(here)!r}, str(os.getpid())).touch()"
    both = [_process(build, announce), _process(build, announce)]
    answers = {process.communicate()[0] for process in both}
    assert answers == {f"{cache.location('thing', INPUTS)}\n"}
    assert count.read_text() == "x"


def test_waiting_for_another_build_ends_when_the_run_is_given_up(home: Path) -> None:
    (home / "cache").mkdir(parents=True)
    lock = FileLock(f"{cache.location('thing', INPUTS)}.lock", thread_local=False)
    holder = threading.Thread(target=lock.acquire)
    holder.start()
    holder.join()
    given_up = threading.Event()
    given_up.set()
    token = shell.stopping.set(given_up)
    try:
        with pytest.raises(shell.CancelledError, match="thing"):
            cache.cached("thing", INPUTS, _fails)
    finally:
        shell.stopping.reset(token)
        lock.release()


def test_what_is_mounted_in_a_killed_build_is_unmounted_never_removed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed debootstrap leaves /proc and /sys in its tree; the deepest goes first."""
    final = cache.location("thing", INPUTS)
    stale = final.parent / f".{final.name}.old"
    (stale / "tree" / "proc" / "bus").mkdir(parents=True)
    points = [stale / "tree" / "proc", stale / "tree" / "proc" / "bus", home / "elsewhere"]
    mounts = [SimpleNamespace(mountpoint=str(point)) for point in points]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> None:
        assert Path(command[-1]).exists()
        calls.append(command)

    monkeypatch.setattr(subprocess, "run", run)
    cache.cached("thing", INPUTS, _writes("one"))
    assert calls == [["umount", "--lazy", str(point)] for point in (points[1], points[0])]
    assert not stale.exists()


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "a").rename(tree / "c"),
        lambda tree: (tree / "a").write_text("other"),
        lambda tree: (tree / "a").chmod(0o755),
        lambda tree: (tree / "new").touch(),
        lambda tree: (tree / "sub" / "b").unlink(),
        lambda tree: (tree / "sub" / "b").rename(tree / "b"),
    ],
    ids=["name", "bytes", "mode", "added", "removed", "moved"],
)
def test_a_digest_changes_with(tmp_path: Path, change: Change) -> None:
    tree = _tree(tmp_path)
    before = cache.digest_tree(tree)
    change(tree)
    assert cache.digest_tree(tree) != before


def _tree(folder: Path) -> Path:
    tree = folder / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a").write_text("a")
    (tree / "sub" / "b").write_text("b")
    return tree


def test_a_digest_is_the_same_elsewhere_later_and_after_python_ran(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "__pycache__")
    before = cache.digest_tree(tree, tree / "a")
    copy = tmp_path / "other" / "tree"
    shutil.copytree(tree, copy)
    os.utime(copy / "a", (0, 0))
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "a.pyc").touch()
    assert cache.digest_tree(copy, copy / "a") == before != cache.digest_tree(copy)


def test_an_input_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="mistyped"):
        cache.digest_tree(tmp_path / "mistyped")


def _build(name: str, version: int, used: float) -> Path:
    final = cache.cached(name, {"version": version}, _writes(str(version)))
    os.utime(final, (used, used))
    log = paths.logs() / "build" / f"{final.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    return final


def test_clean_keeps_of_each_name_the_build_used_last(home: Path) -> None:
    old, new, other = _build("thing", 1, 100), _build("thing", 2, 200), _build("thing-two", 1, 50)
    assert cache.clean() == [old]
    assert _below(home / "cache") == sorted([new.name, other.name])
    assert sorted(log.stem for log in home.rglob("*.log")) == sorted([new.name, other.name])
    assert len(list(home.rglob("*.lock"))) == 2


def test_using_a_build_is_what_keeps_it(home: Path) -> None:
    first, second = _build("thing", 1, 100), _build("thing", 2, 200)
    cache.cached("thing", {"version": 1}, _fails)
    assert cache.clean() == [second]
    assert _below(home / "cache") == [first.name]


def test_a_name_that_nothing_has_used_for_a_month_goes_while_others_were(home: Path) -> None:
    month = cache.UNUSED.total_seconds()
    retired, *stay = _build("retired", 1, 99), _build("thing", 1, 100), _build("other", 1, 100 + month)
    assert cache.clean() == [retired]
    assert _below(home / "cache") == sorted(build.name for build in stay)


def test_clean_removes_what_killed_builds_left(home: Path) -> None:
    final = _build("thing", 1, 100)
    scratch = final.parent / f".{cache.location('thing', INPUTS).name}.old"
    scratch.mkdir()
    Path(f"{cache.location('thing', INPUTS)}.lock").touch()
    assert cache.clean() == []
    assert _below(home / "cache") == [final.name]


def test_clean_of_everything_leaves_what_is_being_built_right_now(home: Path) -> None:
    final, busy = _build("thing", 1, 100), cache.location("thing", INPUTS)
    scratch = busy.parent / f".{busy.name}.new"
    scratch.mkdir()
    with FileLock(f"{busy}.lock"):
        assert cache.clean(everything=True) == [final]
        assert _below(home / "cache") == [scratch.name]


def test_clean_of_nothing_is_no_mistake() -> None:
    assert cache.clean() == []


def test_a_clean_that_is_cut_leaves_no_half_of_a_build_under_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one removes the rest."""
    old = _build("thing", 1, 100)
    _build("thing", 2, 200)

    def cut(folder: Path, ignore_errors: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            cache.clean()
    assert not old.exists()
    cache.clean()
    assert len(_below(home / "cache")) == 1
