"""The seed of fresh random numbers: the commit. A commit draws once, and its reruns draw the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

NO_COMMIT = "no commit"


def current_epoch(folder: Path) -> str:
    """The commit that is checked out around a folder, or on GitHub the one that is tested."""
    if commit := os.environ.get("GITHUB_SHA", ""):
        return commit
    return _git(folder, "rev-parse", "HEAD") or NO_COMMIT


def described_commit(folder: Path) -> str:
    """Return the commit for people, with a remark where the files are not those of the commit."""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return current_epoch(folder) + (" with changes" if changed else "")


def _git(folder: Path, *words: str) -> str:
    """Return the output of git; nothing outside a repository."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def key_of(epoch: str) -> str:
    """The epoch as it stands in the names of random streams."""
    return hashlib.sha256(epoch.encode()).hexdigest()[:16]


def window_of(epoch: str, count: int) -> int:
    """Return the stretch of replicates, of so many, that is looked at first."""
    return int(key_of(epoch), 16) % count
