"""Error mitigation for circuits with mid-circuit measurement and feed-forward."""
