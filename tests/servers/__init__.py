"""A scripted model and tool server over real HTTP, for tests: `with ScriptedServer() as server: server.script(…)`."""

from tests.servers.cable import Cable
from tests.servers.ledger import Effect, Ledger
from tests.servers.server import CHAT, MESSAGES, ScriptedServer, Seen

__all__ = ["CHAT", "MESSAGES", "Cable", "Effect", "Ledger", "ScriptedServer", "Seen"]
