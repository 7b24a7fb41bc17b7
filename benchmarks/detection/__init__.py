"""How much of what goes wrong is noticed, and how often an alarm is false, on real public series with planted faults."""
