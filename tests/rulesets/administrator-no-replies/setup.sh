# Somebody opened one direction only: forward has no rule for replies.
nft -f - <<'NFT'
table inet filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "virbr0" counter accept
        oifname { "virbr0", "br-lan" } counter drop
    }
}
NFT
