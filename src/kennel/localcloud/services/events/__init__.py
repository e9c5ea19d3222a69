"""EventBridge: rules that match events or run by the clock, and the Scheduler's schedules."""
