"""A demonstration of scaling: load on an endpoint whose instances come and go, on a clock that runs fast."""

from kennel.scaling_demo.run import Demonstration, demonstrate

__all__ = ["Demonstration", "demonstrate"]
