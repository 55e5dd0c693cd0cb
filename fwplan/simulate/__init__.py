"""A packet walked through the rulesets of a host: the verdict, and what the packet met."""
