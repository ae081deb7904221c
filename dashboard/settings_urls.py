"""/settings/…: how things stand, what runs may reach, tokens, people."""

from django.urls import path

from dashboard.pages import health_page, people, reach, tokens

urlpatterns = [
    path("", health_page.health_page, name="settings_health"),
    path("providers/", reach.providers_page, name="settings_providers"),
    path("providers/new/", reach.provider_page, name="settings_provider_new"),
    path("providers/<str:name>/", reach.provider_page, name="settings_provider"),
    path("providers/<str:name>/delete/", reach.delete_page, {"kind": "provider"}, name="settings_provider_delete"),
    path("tools/", reach.tools_page, name="settings_tools"),
    path("tools/new/", reach.tool_page, name="settings_tool_new"),
    path("tools/<str:name>/", reach.tool_page, name="settings_tool"),
    path("tools/<str:name>/delete/", reach.delete_page, {"kind": "tool"}, name="settings_tool_delete"),
    path("secrets/", reach.secrets_page, name="settings_secrets"),
    path("secrets/<str:name>/delete/", reach.delete_page, {"kind": "secret"}, name="settings_secret_delete"),
    path("tokens/", tokens.tokens_page, name="settings_tokens"),
    path("tokens/<int:token>/revoke/", tokens.revoke_token, name="settings_token_revoke"),
    path("people/", people.people_page, name="settings_people"),
    path("people/<str:username>/", people.change_person, name="settings_person"),
]
