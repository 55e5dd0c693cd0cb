"""One packet's way through a host, rule by rule: whose each rule is, and which promise of a network it keeps."""
