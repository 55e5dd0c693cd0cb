# What a restart or reload of nftables.service does: Debian's /etc/nftables.conf begins with "flush ruleset".
nft -f /etc/nftables.conf
