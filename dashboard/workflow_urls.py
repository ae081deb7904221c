"""/workflows/…: reading, drafting, publishing, trying, scheduling and retiring them. Their run form is with the runs."""

from django.urls import path

from dashboard.pages import canvas, commands, drafting, forms, preview, retiring, schedules, trial, workflows

urlpatterns = [
    path("", workflows.workflow_list, name="workflows"),
    path("new/", drafting.new, name="workflow_new"),
    path("new/empty/", forms.start_empty, name="workflow_empty"),
    path("<str:workflow>/", forms.outline_page, name="workflow"),
    path("<str:workflow>/design/", canvas.design_page, name="workflow_design"),
    path("<str:workflow>/graph/", canvas.graph, name="workflow_graph"),
    path("<str:workflow>/clipboard/", canvas.clipboard, name="workflow_clipboard"),
    path("<str:workflow>/proof/", workflows.proof_page, name="workflow_proof"),
    path("<str:workflow>/versions/", workflows.versions_page, name="workflow_versions"),
    path("<str:workflow>/changes/", workflows.changes_page, name="workflow_changes"),
    path("<str:workflow>/edit/", drafting.edit, name="workflow_edit"),
    path("<str:workflow>/outline/", forms.outline_part, name="workflow_outline"),
    path("<str:workflow>/settings/", forms.settings_page, name="workflow_settings"),
    path("<str:workflow>/steps/<str:step>/", forms.step_page, name="workflow_step"),
    path("<str:workflow>/steps/<str:step>/menu/", forms.menu_page, name="workflow_menu"),
    path("<str:workflow>/commands/", commands.edit, name="workflow_commands"),
    path("<str:workflow>/undo/", commands.undo, name="workflow_undo"),
    path("<str:workflow>/redo/", commands.redo, name="workflow_redo"),
    path("<str:workflow>/present/", commands.present, name="workflow_present"),
    path("<str:workflow>/lately/", commands.lately, name="workflow_lately"),
    path("<str:workflow>/publish/", drafting.publish, name="workflow_publish"),
    path("<str:workflow>/retire/", retiring.retire_page, name="workflow_retire"),
    path("<str:workflow>/reinstate/", retiring.reinstate, name="workflow_reinstate"),
    path("<str:workflow>/restore/", drafting.restore, name="workflow_restore"),
    path("<str:workflow>/steps/<str:step>/preview/", preview.preview_page, name="workflow_preview"),
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
