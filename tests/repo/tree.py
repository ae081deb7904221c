"""What the tree must not hold, and how large its files are. `python -m tests.repo.tree` prints both."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt", "canvas/package-lock.json")
LIMIT = 400
"""Lines at which a file is to be split by subject."""

_ADDRESS = re.compile(r"(https?|file|git\+\w+)://", re.IGNORECASE)
_UNHASHED = re.compile(r"^[A-Za-z0-9][^#\n]*==[^\\\n]*$", re.MULTILINE)
# Written in two halves, so that this file does not find itself.
_HOSTS = re.compile(
    "|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.(npm|yarn)", r"deb\.deb" + "ian")), re.IGNORECASE
)
_MACHINE = re.compile(r"(?<![\w.~-])/(work|root|farm|home/\w+|Users/\w+|opt/(wheels|py" + r"pi))/", re.IGNORECASE)
_SCRIPTS = (".js", ".mjs", ".ts", ".tsx")
_WORDS = (".py", ".toml", ".txt", ".md", ".yaml", ".yml", ".json", ".html", ".css", ".svg", ".sh", ".cfg", ".ini", "", *_SCRIPTS)


def files() -> list[Path]:
    """Every file that is, or is about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in sorted(set(listed.stdout.split("\0"))) if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """(name, text) of every file that holds text."""
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in files() if path.suffix in _WORDS]


def unclean() -> list[str]:
    """One sentence for each thing that must not be there."""
    found: list[str] = []
    for name, text in texts():
        locked = name in LOCKS
        if locked and (hit := _ADDRESS.search(text)):
            found.append(f"{name}:{_line(text, hit)}: a lock file may hold no address. Make it anew: make lock")
        if locked and name.endswith(".txt") and (hit := _UNHASHED.search(text)):
            found.append(f"{name}:{_line(text, hit)}: a locked package has no hash. Make it anew: make lock")
        if hit := _HOSTS.search(text):
            found.append(f"{name}:{_line(text, hit)}: names the host of a package registry ({hit[0]}). Leave it to the client.")
        if hit := _MACHINE.search(text):
            found.append(f"{name}:{_line(text, hit)}: holds a path of one machine ({hit[0]}). Make it relative.")
    return found


def largest(count: int = 10) -> list[tuple[int, str]]:
    """(lines, name) of the largest files that people write, largest first."""
    written = [(text.count("\n"), name) for name, text in texts() if name.endswith((".py", ".css", ".html", *_SCRIPTS))]
    return sorted(((lines, name) for lines, name in written if "/migrations/" not in name), reverse=True)[:count]


def _line(text: str, hit: re.Match[str]) -> int:
    return text.count("\n", 0, hit.start()) + 1


if __name__ == "__main__":
    print("The largest files:")
    for lines, name in largest():
        print(f"  {lines:5} {name}{'   ← past ' + str(LIMIT) + ': split it by subject' if lines > LIMIT else ''}")
    wrong = unclean()
    print("\n".join(wrong) if wrong else "The tree holds no address of a registry and no path of a machine.")
    sys.exit(1 if wrong else 0)
