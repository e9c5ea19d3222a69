"""Application Auto Scaling: targets, policies and scheduled actions, and the scaling that they cause."""
