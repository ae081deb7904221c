"""Programs that use the REST interface, each with the token of one of the cast; and the samples, installed."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from orchestration.models import Version, Workflow
from orchestration.samples import installation
from tests.api import Api
from tests.engine.publishing import publish
from tests.factories import asking


@pytest.fixture
def ada(admin: User) -> Api:
    return Api(admin)


@pytest.fixture
def otto(operator: User) -> Api:
    return Api(operator)


@pytest.fixture
def samples(db: None, settings: Any) -> None:
    """The sample workflows and what they need, as the embedded mode has them."""
    settings.REACH, settings.EMBEDDED = (), True
    installation.install(port=8000)


@pytest.fixture
def published(db: None) -> Version:
    """A workflow `asking`, its draft and its version 1 alike."""
    return publish(asking(title="Ask somebody"))


def draft() -> Workflow:
    return Workflow.objects.get(id="asking")
