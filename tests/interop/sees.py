"""Lets the environment that runs this see the packages of another one: `python sees.py OTHER/bin/python`."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ASK = "import sysconfig; print(sysconfig.get_path('purelib'))"

if __name__ == "__main__":
    asked = subprocess.run([sys.argv[1], "-c", ASK], capture_output=True, text=True, check=True)
    line = f"import site; site.addsitedir({asked.stdout.strip()!r})\n"
    Path(sysconfig.get_path("purelib"), "other_environment.pth").write_text(line)
