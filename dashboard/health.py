"""Whether this process can serve: asked by load balancers and by the one who starts it."""

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from orchestration.queries.standing import standing


def healthz(request: HttpRequest) -> HttpResponse:
    """200 where the database answers, and, in the embedded mode, this process moves runs; else 503. Says nothing else: anybody
    may ask. In the server mode the workers are other processes, whose absence is no reason to take pages from people."""
    try:
        swept = standing().sweeping
    except DatabaseError:
        return JsonResponse({"status": "the database does not answer"}, status=503)
    if settings.EMBEDDED and not swept:
        return JsonResponse({"status": "nobody moves runs"}, status=503)
    return JsonResponse({"status": "ok"})
