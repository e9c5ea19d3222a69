"""Application Auto Scaling's algorithm: alarms, target tracking, steps, cooldowns, schedules. Pure functions.

The local cloud acts by it, and the simulator of `kennel.capacity` runs it over a traffic trace. Callers feed
datapoints and apply counts; nothing here reads a clock. docs/decisions/scaling-algorithm.md says what AWS
publishes of it, and which rule was chosen where AWS publishes none.
"""
