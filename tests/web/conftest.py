"""Programs that use the REST interface, each with the token of one of the cast."""

import pytest
from django.contrib.auth.models import User

from tests.api import Api


@pytest.fixture
def ada(admin: User) -> Api:
    return Api(admin)


@pytest.fixture
def otto(operator: User) -> Api:
    return Api(operator)
