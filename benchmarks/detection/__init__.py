"""How well are trouble and silence detected? Benchmarks with planted faults."""
