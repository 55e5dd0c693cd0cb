"""iptables' rules as values, and how they are written."""
