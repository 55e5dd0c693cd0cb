# What dockerd 29 with "firewall-backend": "nftables" puts there, written after moby's source (see NOTE.md): the default bridge
# with one container, whose port 80 is published at 8080, and the network web with one container, whose port 80 is
# published at 127.0.0.1:8081 and port 53/udp at 5300.
for bridge in docker0=172.17.0.1 br-web=172.18.0.1; do
    ip link add "${bridge%=*}" type bridge
    ip address add "${bridge#*=}/16" dev "${bridge%=*}"
    ip link set "${bridge%=*}" up
done
table() {
    family=$1 loopback=$2
    cat <<NFT
table $family docker-bridges {
    map filter-forward-in-jumps { type ifname : verdict; }
    map filter-forward-out-jumps { type ifname : verdict; }
    map nat-postrouting-in-jumps { type ifname : verdict; }
    map nat-postrouting-out-jumps { type ifname : verdict; }
    chain filter-FORWARD {
        type filter hook forward priority filter; policy accept;
        oifname vmap @filter-forward-in-jumps
        iifname vmap @filter-forward-out-jumps
    }
    chain nat-prerouting-and-output { }
    chain nat-OUTPUT {
        type nat hook output priority dstnat; policy accept;
        $loopback fib daddr type local counter jump nat-prerouting-and-output
    }
    chain nat-POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        iifname vmap @nat-postrouting-out-jumps
        oifname vmap @nat-postrouting-in-jumps
    }
    chain nat-PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter jump nat-prerouting-and-output
    }
    chain raw-PREROUTING {
        type filter hook prerouting priority raw; policy accept;
    }
}
NFT
}
network() {
    bridge=$1 subnet=$2 ports=$3
    cat <<NFT
table ip docker-bridges {
    chain filter-forward-in__$bridge {
        ct state established,related counter accept
        iifname $bridge counter accept comment "ICC"
        $ports
        counter drop comment "UNPUBLISHED PORT DROP"
    }
    chain filter-forward-out__$bridge {
        ct state established,related counter accept
        counter accept comment "OUTGOING"
    }
    chain nat-postrouting-in__$bridge { }
    chain nat-postrouting-out__$bridge {
        oifname != $bridge ip saddr $subnet counter masquerade comment "MASQUERADE"
    }
}
add element ip docker-bridges filter-forward-in-jumps { $bridge : jump filter-forward-in__$bridge }
add element ip docker-bridges filter-forward-out-jumps { $bridge : jump filter-forward-out__$bridge }
add element ip docker-bridges nat-postrouting-in-jumps { $bridge : jump nat-postrouting-in__$bridge }
add element ip docker-bridges nat-postrouting-out-jumps { $bridge : jump nat-postrouting-out__$bridge }
NFT
}
{
    table ip 'ip daddr != 127.0.0.1/8'
    table ip6 'ip6 daddr != ::1'
    network docker0 172.17.0.0/16 'ip daddr 172.17.0.2 tcp dport 80 counter accept'
    network br-web 172.18.0.0/16 'ip daddr 172.18.0.2 tcp dport 80 counter accept
        ip daddr 172.18.0.2 udp dport 53 counter accept'
    cat <<NFT
table ip docker-bridges {
    chain nat-prerouting-and-output {
        iifname != docker0 tcp dport 8080 counter dnat to 172.17.0.2:80 comment "DNAT"
        iifname != br-web ip daddr 127.0.0.1 tcp dport 8081 counter dnat to 172.18.0.2:80 comment "DNAT"
        iifname != br-web udp dport 5300 counter dnat to 172.18.0.2:53 comment "DNAT"
    }
    chain raw-PREROUTING {
        ip daddr 172.17.0.2 iifname != docker0 counter drop comment "DROP DIRECT ACCESS"
        ip daddr 172.18.0.2 iifname != br-web counter drop comment "DROP DIRECT ACCESS"
        iifname != lo ip daddr 127.0.0.1 tcp dport 8081 counter drop comment "DROP REMOTE LOOPBACK"
    }
}
NFT
} >/tmp/docker.nft
nft -f /tmp/docker.nft
