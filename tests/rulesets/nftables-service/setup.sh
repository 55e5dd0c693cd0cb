# What nftables.service does at boot, with the example that Debian ships for a workstation.
nft -f /usr/share/doc/nftables/examples/workstation.nft
