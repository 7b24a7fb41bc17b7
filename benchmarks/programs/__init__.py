"""Programs that the benchmark runs as whole processes: the peers that copy, and the floors that do next to nothing."""
