# What nftables.service does at boot.
nft -f /etc/nftables.conf
