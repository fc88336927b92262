"""What the set-up installs is there: a test that needs it fails and says what to install, unless that cannot be done here."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

__all__ = ["missing"]


def missing(program: str, package: str) -> None:
    """`program` was looked for and is not here. Fails; skips, saying so, where nobody may install Debian's `package`."""
    told = f"there is no {program} here: apt-get install {package}"
    if _may_install():
        pytest.fail(f"{told} (`make test` does)", pytrace=False)
    pytest.skip(f"{told}, which this account may not")


def _may_install() -> bool:
    """As the set-up asks it: with Debian's tools, as root or by sudo without a password."""
    if shutil.which("apt-get") is None:
        return False
    sudo = shutil.which("sudo")
    return os.geteuid() == 0 or (sudo is not None and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0)
