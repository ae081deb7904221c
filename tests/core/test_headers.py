"""Headers that people write: which of them give a credential away."""

import pytest

from orchestration.core.headers import gives_away


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc"),
        ("authorization", "x"),
        ("Cookie", "a=b"),
        ("X-API-Key", "k"),
        ("api-key", "k"),
        ("Ocp-Apim-Subscription-Key", "0123456789abcdef"),
        ("Helicone-Auth", "Bearer sk-1"),
        ("X_Access_Token", "0123456789"),
        ("X-Team", "basic dXNlcjpwYXNz"),
    ],
)
def test_what_gives_a_credential_away(name: str, value: str) -> None:
    assert gives_away(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer ${secrets.desk}"),
        ("X-API-Key", "${secrets.desk}"),
        ("Authorization", "${input.auth}"),
        ("Authorization", ""),
        ("X-Team", "support-and-sales"),
        ("Idempotency-Key", "0123456789abcdef"),
        ("X-Token-Limit", "500"),
        ("OpenAI-Organization", "org-0123456789"),
        ("X-Author", "somebody in sales"),
    ],
)
def test_what_gives_nothing_away(name: str, value: str) -> None:
    assert not gives_away(name, value)
