"""A real Chromium for the browser tests: finding one, and `python -m tests.browser` to have one installed.

An installed browser is taken first, then Playwright's own; where there is neither, Playwright's download is tried, then Debian's
package (as root). What can't be had is said in one line, which is an error where CI=true.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is the same engine without a browser's own windows, and takes less than half of the processor for the same pages."""
APPS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""What a browser needs to run in a bare container, and to reach no host but this machine."""

MISSING = "No Chromium was found and none could be installed: install `chromium-headless-shell`, or `chromium`, then run again."


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def find() -> str | None:
    """The path of a Chromium that can be started, or None."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for app in APPS:
        if app.exists():
            return str(app)
    own = _playwrights_own()
    return str(own) if own and own.exists() else None


def prepare() -> str | None:
    """The same, after trying to install one where there is none."""
    return find() or _download() or _debian_package()


def _playwrights_own() -> Path | None:
    # Asked in a process of its own: Playwright keeps an event loop in the thread that starts it.
    program = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return Path(asked.stdout.strip()) if asked.returncode == 0 and asked.stdout.strip() else None


def _download() -> str | None:
    print("No Chromium here: asking Playwright for its own …", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(command, capture_output=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return None
    return find()


def _debian_package() -> str | None:
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    print("… not to be had: asking Debian for its package …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, capture_output=True, check=False)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", NAMES[0]]
    subprocess.run(install, env=quiet, capture_output=True, check=False)
    return find()


if __name__ == "__main__":
    chromium = prepare()
    print(f"Browser: {chromium}" if chromium else MISSING)
    sys.exit(1 if chromium is None and in_ci() else 0)
