# Drops, policies and rejects that no promise of the network meets.
nft -f - <<'NFT'
table inet filter {
    set blocked {
        type ipv4_addr
        flags interval
        elements = { 192.0.2.0/24, 192.168.123.0/24 }
    }
    counter refused { }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname { "lo", "virbr*" } accept
        ip protocol icmp limit rate 10/second accept
        tcp dport { 22, 8000-8100 } counter name "refused" accept
        limit rate 5/minute burst 10 packets log prefix "input: " level info
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ip saddr @blocked counter drop
        tcp flags & (fin | syn | rst | psh | ack | urg) == fin | psh | urg drop
        meta mark set ip saddr map { 192.168.122.10 : 0x00000010, 192.168.122.128/25 : 0x00000020 }
        iifname . oifname vmap { "eth0" . "wlan0" : drop, "virbr0" . "eth0" : goto from_guests }
        ct state established,related accept
        ct status dnat accept
        oifname "virbr0" continue
    }
    chain from_guests {
        ip daddr 169.254.169.254 reject with icmpx admin-prohibited
        tcp dport 25 ct state new limit rate over 20/minute reject
        accept
    }
    chain output {
        type filter hook output priority filter; policy accept;
        oifname "virbr0" meta skuid 65534 tcp dport 1 reject
    }
}
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "eth0" tcp dport 8022 dnat to 192.168.122.11:22
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" ip saddr 10.0.0.0/8 masquerade
    }
}
table arp filter {
    chain input {
        type filter hook input priority filter; policy accept;
        arp operation request arp saddr ip 192.168.122.66 drop
    }
}
table bridge filter {
    chain forward {
        type filter hook forward priority filter; policy accept;
        ether type vlan drop
        iifname "vnet9" drop
    }
}
table netdev early {
    chain eth0 {
        type filter hook ingress device "eth0" priority -500; policy accept;
        ip saddr 192.0.2.66 drop
    }
}
NFT
