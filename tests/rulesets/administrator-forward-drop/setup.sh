# An ordinary /etc/nftables.conf of somebody who allowed what he knew of.
nft -f - <<'NFT'
table inet filter {
    chain input {
        type filter hook input priority 0; policy accept;
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "br-lan" oifname "eth0" accept
    }
}
NFT
