"""Whether a candidate is truly better than the best: a pure rule over plain values. Lower is better."""
