# Somebody means to allow virbr0 everything; a tool that keeps machines in quarantine has a table of its own.
nft -f - <<'NFT'
table inet allow {
    chain forward {
        type filter hook forward priority -10; policy accept;
        iifname "virbr0" accept comment "guests may do everything"
        oifname "virbr0" accept comment "guests may do everything"
    }
    chain input {
        type filter hook input priority -10; policy accept;
        iifname "virbr0" accept comment "guests may do everything"
    }
}
table ip quarantine {
    set machines {
        type ipv4_addr
        flags interval
        elements = { 192.168.122.8/29, 192.168.5.0/24 }
    }
    map answers {
        type inet_service : verdict
        elements = { 53 : accept, 443 : jump refuse }
    }
    chain refuse {
        counter reject with tcp reset
    }
    chain forward {
        type filter hook forward priority 20; policy accept;
        ip saddr @machines tcp dport vmap @answers
        ip saddr @machines meta l4proto { icmp, tcp } counter drop
    }
}
NFT
