"""`python -m tests.servers --port 9000 --ledger FILE`: the scripted server as a process. Prints its address, ends on SIGTERM."""

import argparse
import signal
from pathlib import Path

from tests.servers import ScriptedServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    given = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with ScriptedServer(given.port, given.ledger) as server:
        print(server.url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


main()
