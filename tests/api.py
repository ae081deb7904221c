"""A client of the REST interface, as somebody's program would be one."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import tokens
from orchestration.core import values
from tests import described

Ask = Callable[..., Any]


class Api:
    """A client with a token: `api.post("runs", {...})` gives (status, document). Each answer is held beside the description."""

    def __init__(self, user: User, **token: Any) -> None:
        made = tokens.create(user=user, by="ada", **token)
        self.client = Client(headers={"Authorization": f"Bearer {made}"})

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None and not isinstance(body, str | bytes):
            body = values.dump(body)
        kind = options.pop("type", "application/json")
        answer = self.client.generic(method, f"/api/v1/{path}", body or b"", content_type=kind, **options)
        described.check(method, f"/api/v1/{path}", answer)
        return answer

    def __getattr__(self, method: str) -> Ask:
        def asked(path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
            response = self.ask(method.upper(), path, body, **options)
            return response.status_code, response.json() if response.content else None

        return asked
