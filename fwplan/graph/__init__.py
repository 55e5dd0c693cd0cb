"""A ruleset as a picture: hooks in the order of a packet's way, base chains by priority, jumps, and whose each is."""
