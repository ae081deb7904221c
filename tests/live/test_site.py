"""The site under its real server, seen by a real browser."""

from collections.abc import Callable

import httpx
from django.contrib.auth.models import User
from playwright.sync_api import Page

from orchestration import accounts
from orchestration.roles import Role, role_of


def test_static_files_come_whole_typed_and_are_asked_for_again(site: str) -> None:
    first = httpx.get(f"{site}/static/django_htmx/htmx-2.min.js")
    assert first.status_code == 200
    assert first.headers["content-type"].startswith("text/javascript")
    assert len(first.content) > 20_000
    assert "max-age=0" in first.headers["cache-control"]
    again = httpx.get(first.url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_one_time_password_signs_in_once_and_asks_for_an_own_one(page: Page) -> None:
    password = accounts.open_first_account()
    assert password is not None
    page.goto("/admin/")
    page.wait_for_url("**/account/login/?next=/admin/")
    page.locator("input[name=login]").fill("admin")
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    page.wait_for_url("**/account/password/")

    page.goto("/admin/")  # whatever else is asked for, until it is done
    page.wait_for_url("**/account/password/")
    page.locator("input[name=oldpassword]").fill(password)
    page.locator("input[name=password1]").fill("quiet rivers run deep")
    page.locator("input[name=password2]").fill("quiet rivers run deep")
    page.locator("form:has(input[name=password1]) button[type=submit]").click()
    page.wait_for_url(lambda url: "/account/" not in url)

    admin = User.objects.get(username="admin")
    assert role_of(admin) is Role.ADMIN
    assert admin.check_password("quiet rivers run deep")
    assert not accounts.must_change_password(admin)
    assert accounts.open_first_account() is None


def test_signing_out_ends_the_session(sign_in: Callable[[User], Page], viewer: User) -> None:
    page = sign_in(viewer)
    page.goto("/account/logout/")
    page.locator("form[action*=logout] button[type=submit]").first.click()
    page.wait_for_url("**/account/login/")
    page.goto("/account/password/")
    page.wait_for_url("**/account/login/?next=/account/password/")
