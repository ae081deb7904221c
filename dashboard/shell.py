"""What the frame of every page shows: the role, the open escalations, whether answers are rehearsed, whether runs move."""

from functools import cached_property

from django.http import HttpRequest
from django.utils import timezone

from orchestration.accounts import must_change_password
from orchestration.queries.standing import Standing, standing
from orchestration.roles import Role, role_of


class Shell:
    """Asks the database when it is first looked at, so that a fragment without a frame costs nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self._user = getattr(request, "user", None)

    @cached_property
    def role(self) -> Role | None:
        return role_of(self._user)

    @property
    def _standing(self) -> Standing:
        return self._looked[1]

    @property
    def revision(self) -> int:
        """Of the count of the inbox: whatever was written down before it stands in the count. Changes are told with the time in
        milliseconds, see `queries.changes`."""
        return self._looked[0]

    @cached_property
    def _looked(self) -> tuple[int, Standing]:
        before = int(timezone.now().timestamp() * 1000) - 1
        return before, standing() if self.role is not None else Standing(0, False, True)

    @property
    def inbox(self) -> int:
        return self._standing.inbox

    @property
    def rehearsal(self) -> bool:
        return self._standing.rehearsal

    @property
    def sweeping(self) -> bool:
        return self._standing.sweeping

    @cached_property
    def one_time(self) -> bool:
        """Whether the person can do nothing yet but choose a password of their own."""
        return self._user is not None and must_change_password(self._user)

    @property
    def operates(self) -> bool:
        return self._may(Role.OPERATOR)

    @property
    def designs(self) -> bool:
        return self._may(Role.DESIGNER)

    @property
    def administers(self) -> bool:
        return self._may(Role.ADMIN)

    def _may(self, role: Role) -> bool:
        return self.role is not None and self.role.covers(role)


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` in every template."""
    return {"shell": Shell(request)}
