"""Trying one step alone, with an input of one's own."""

from django.http import HttpRequest, HttpResponse


def try_page(request: HttpRequest, workflow: str) -> HttpResponse:
    raise NotImplementedError
