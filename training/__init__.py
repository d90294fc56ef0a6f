"""From a history to a bundle: examples, labels, origins, fit, level, evaluation; and a made-up company."""
