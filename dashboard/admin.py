"""Django's admin, for superusers: the engine's tables as they are, to look at and never to write. Writing goes through acts."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

HIDDEN = {"Secret": ("ciphertext",), "ApiToken": ("hash",)}
"""What nobody need see, encrypted or hashed as it is."""
WIDE = (models.TextField, models.ForeignKey)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    show_full_result_count = False
    list_per_page = 50

    def __init__(self, model: type[models.Model], site: admin.AdminSite) -> None:
        shown = [field.name for field in model._meta.fields if field.name not in HIDDEN.get(model.__name__, ())]
        self.fields = shown
        self.list_display = [name for name in shown if not isinstance(model._meta.get_field(name), WIDE)][:10]
        super().__init__(model, site)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


for _model in apps.get_app_config("orchestration").get_models():
    admin.site.register(_model, ReadOnly)
