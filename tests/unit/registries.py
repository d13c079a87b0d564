"""A world of registries for tests: a `skopeo` that keeps images as files, and says what the real one says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = r"""#!/bin/sh
fail() { echo "time=\"now\" level=fatal msg=\"$1\"" >&2; exit 1; }

place() {
  rest=${1#docker://}
  host=${rest%%/*}
  path=${rest#*/}
  ping="pinging container registry $host:"
  [ -e "$HOME_OF/away/$host" ] && fail "$ping dial tcp: connect: connection refused"
  [ -e "$HOME_OF/untrusted/$host" ] && [ -z "$trusting" ] &&
    fail "$ping x509: certificate signed by unknown authority"
  [ -e "$HOME_OF/private/$host" ] && [ -n "$nobody" ] &&
    fail "reading manifest: unauthorized: authentication required"
  case $path in
    *@*) file="$HOME_OF/registries/$host/${path%%@*}/${path#*@}" ;;
    *) file="$HOME_OF/registries/$host/${path%:*}/${path##*:}" ;;
  esac
}

echo "$@" >> "$HOME_OF/notes"
trusting= nobody= login= command= first= second=
for word in "$@"; do
  case $word in
    --version) echo "skopeo version $(cat "$HOME_OF/version")"; exit ;;
    --*cert-dir=*) trusting=yes ;;
    --no-creds) nobody=yes ;;
    --authfile=*) login=${word#--authfile=} ;;
    -* | 60s) ;;
    *)
      if [ -z "$command" ]; then command=$word
      elif [ -z "$first" ]; then first=$word
      else second=$word; fi ;;
  esac
done
case $command in
  login)
    [ "$(cat)" = right ] || fail "authenticating creds: invalid username/password"
    printf 'a login' > "$login" ;;
  inspect)
    place "$first"
    [ -e "$HOME_OF/helper" ] && fail "$(cat "$HOME_OF/helper")"
    [ -e "$file" ] || fail "reading manifest: manifest unknown: manifest unknown"
    cat "$file" ;;
  copy)
    place "$first"
    from=$file
    place "$second"
    [ -e "$HOME_OF/broken" ] && fail "$(cat "$HOME_OF/broken")"
    mkdir -p "${file%/*}"
    cp "$from" "$file.new"
    [ -e "$HOME_OF/changes" ] && echo >> "$file.new"
    exact=$(sha256sum < "$file.new")
    cp "$file.new" "${file%/*}/sha256:${exact%% *}"
    mv "$file.new" "$file" ;;
esac
"""


def digest(content: str) -> str:
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


@dataclass(frozen=True)
class World:
    """The folder of it."""

    home: Path

    def put(self, reference: str, content: str) -> str:
        """An image with its tag; its digest."""
        repository, _, tag = reference.rpartition(":")
        folder = self.home / "registries" / repository
        folder.mkdir(parents=True, exist_ok=True)
        for name in (tag, digest(content)):
            (folder / name).write_text(content)
        return digest(content)

    def has(self, reference: str) -> bool:
        repository, _, tag = reference.rpartition(":")
        return (self.home / "registries" / repository / tag).exists()

    def mark(self, how: str, host: str) -> None:
        """A registry is `away`, `private` or `untrusted`."""
        (self.home / how).mkdir(exist_ok=True)
        (self.home / how / host).touch()

    def asked(self, command: str) -> list[str]:
        """The commands that skopeo was given, those that begin so."""
        notes = self.home / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [line for line in lines if f" {command} " in f" {line} "]


def world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """It is on PATH."""
    home = folder / "world"
    home.mkdir()
    (home / "version").write_text("1.9.3")
    program = home / "skopeo"
    program.write_text(PROGRAM.replace("$HOME_OF", str(home)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(home), prepend=os.pathsep)
    return World(home)
