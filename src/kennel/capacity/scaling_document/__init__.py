"""docs/scaling.md, from prices, from what was measured, and from runs of the simulator.

The runs take minutes. What they gave is in ``runs.json``, without dollars; `./kennel docs.scaling` writes
that and the document. A changed price changes the document alone.
"""
