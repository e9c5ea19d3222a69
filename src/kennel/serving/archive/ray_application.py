"""The application of the model folder that this file is in, for Ray Serve: ``config.yaml`` names it."""

from __future__ import annotations

from asgi import application as asgi_application
from ray import serve


class Classifier:
    """Hosts the application; routes, queue and refusals are its own."""


application = serve.deployment(serve.ingress(asgi_application)(Classifier)).bind()
