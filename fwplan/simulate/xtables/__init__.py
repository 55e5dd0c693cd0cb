"""iptables' rulesets in the words of nftables', so that one simulator walks both."""
