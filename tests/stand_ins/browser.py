"""Installs Debian's Chromium for the tests of the page, where no browser is at hand and this user may install one.

Where it may not, it says what to do; the tests that need one are skipped then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# The names that tests/fixtures/browser.py looks for.
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_ADVICE = (
    "The tests of the page in a browser are left out: neither Chromium nor Chrome is installed. As root, run "
    "apt-get install chromium, or install Chrome; then run: make test\n"
)


def main() -> None:
    """Installs one, or says why not."""
    if any(shutil.which(name) for name in _NAMES):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get") or not _install():
        sys.stderr.write(_ADVICE)


def _install() -> bool:
    apt = ["apt-get", "--quiet", "--quiet"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = ([*apt, "update"], [*apt, "install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-core"])
    return all(subprocess.run(command, env=environment, check=False).returncode == 0 for command in commands)


if __name__ == "__main__":
    main()
