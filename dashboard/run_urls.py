"""/runs/…: the list, one run, and what is done with it."""

from django.urls import path

from dashboard.pages import canvas, evidence, run, run_list

urlpatterns = [
    path("", run_list.runs, name="runs"),
    path("<str:run>/", run.run, name="run"),
    path("<str:run>/graph/", canvas.run_graph, name="run_graph"),
    path("<str:run>/cancel/", run.cancel, name="run_cancel"),
    path("<str:run>/evidence.json", evidence.evidence, name="run_evidence"),
]
