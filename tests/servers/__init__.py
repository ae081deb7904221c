"""A scripted model and tool server over real HTTP, for tests: `with ScriptedServer() as server: server.script(…)`."""

from tests.servers.ledger import Effect, Ledger
from tests.servers.server import CHAT, ScriptedServer, Seen

__all__ = ["CHAT", "Effect", "Ledger", "ScriptedServer", "Seen"]
