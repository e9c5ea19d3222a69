"""Endpoints: fleets of model servers, and the invocations that reach them."""
