"""Each promise about speed, as a ratio against a floor measured in the same run."""
