"""The ASGI application: pages and API by Django, sockets by Channels, each behind its own default deny."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.pages import application as pages_application

pages = pages_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  (the apps have to be loaded first)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from config.bodies import Bodies  # noqa: E402
from config.celery import app as celery  # noqa: E402, F401  (hints travel by it)
from config.waits import Waits  # noqa: E402
from dashboard.access import SignedInSockets  # noqa: E402
from dashboard.routing import websocket_urlpatterns  # noqa: E402
from orchestration.management.warm import warm  # noqa: E402
from orchestration.samples.service import SampleService  # noqa: E402

sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(SignedInSockets(URLRouter(websocket_urlpatterns))))
http = SampleService(pages, settings.SECRET_KEY, settings.DATA) if settings.EMBEDDED else pages
application = Waits(ProtocolTypeRouter({"http": Bodies(http, settings.DATA_UPLOAD_MAX_MEMORY_SIZE), "websocket": sockets}))

if not settings.EMBEDDED:
    warm()  # nobody is sent here before that; the embedded mode does it once it is ready
