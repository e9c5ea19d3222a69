"""The application of the model folder that this file is in, for Ray Serve: ``config.yaml`` names it."""

from __future__ import annotations

from asgi import application as asgi_application
from ray import serve

from kennel.serving import cores


class Classifier:
    """Hosts the application; routes, queue and refusals are its own."""


# Ray reserves these cores, and limits the replica's threads to their number.
_deployment = serve.deployment(ray_actor_options={"num_cpus": cores.available()})
application = _deployment(serve.ingress(asgi_application)(Classifier)).bind()
