"""/workflows/…: reading, drafting, publishing, trying and scheduling them. Their run form is with the runs."""

from django.urls import path

from dashboard.pages import drafting, schedules, trial, workflows

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
    path("<str:workflow>/schedules/", schedules.schedules_page, name="workflow_schedules"),
    path("<str:workflow>/schedules/new/", schedules.new_page, name="schedule_new"),
    path("<str:workflow>/schedules/occurrences/", schedules.occurrences_part, name="schedule_occurrences"),
    path("<str:workflow>/schedules/<str:schedule>/", schedules.schedule_page, name="schedule"),
    path("<str:workflow>/schedules/<str:schedule>/edit/", schedules.edit_page, name="schedule_edit"),
    path("<str:workflow>/schedules/<str:schedule>/pause/", schedules.pause, name="schedule_pause"),
    path("<str:workflow>/schedules/<str:schedule>/resume/", schedules.resume, name="schedule_resume"),
    path("<str:workflow>/schedules/<str:schedule>/delete/", schedules.delete_page, name="schedule_delete"),
]
