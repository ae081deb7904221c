"""/workflows/…: reading, drafting, publishing and trying them. Their run form is with the runs."""

from django.urls import path

from dashboard.pages import drafting, trial, workflows

urlpatterns = [
    path("", workflows.workflow_list, name="workflows"),
    path("new/", drafting.new, name="workflow_new"),
    path("<str:workflow>/", workflows.outline_page, name="workflow"),
    path("<str:workflow>/proof/", workflows.proof_page, name="workflow_proof"),
    path("<str:workflow>/versions/", workflows.versions_page, name="workflow_versions"),
    path("<str:workflow>/changes/", workflows.changes_page, name="workflow_changes"),
    path("<str:workflow>/edit/", drafting.edit, name="workflow_edit"),
    path("<str:workflow>/publish/", drafting.publish, name="workflow_publish"),
    path("<str:workflow>/restore/", drafting.restore, name="workflow_restore"),
    path("<str:workflow>/try/", trial.try_page, name="workflow_try"),
]
