"""How much of what goes wrong is noticed, and how often falsely, on real public series with planted faults."""
