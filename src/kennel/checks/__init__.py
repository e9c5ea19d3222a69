"""The checks of ``./kennel test``: which there are, how they run side by side, and what each reports."""
