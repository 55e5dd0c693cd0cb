# What kube-proxy in nftables mode puts there, written after its source (see NOTE.md): a service with two endpoints and a node port,
# one with session affinity and a load balancer's address open to one subnet, DNS by UDP, and a service without endpoints.
cat >/tmp/kube-proxy.nft <<'NFT'
add table ip kube-proxy { comment "rules for kube-proxy"; }
add set ip kube-proxy cluster-ips { type ipv4_addr; comment "Active ClusterIPs"; }
add set ip kube-proxy nodeport-ips { type ipv4_addr; comment "IPs that accept NodePort traffic"; }
add map ip kube-proxy firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; comment "destinations that are subject to LoadBalancerSourceRanges"; }
add map ip kube-proxy no-endpoint-nodeports { type inet_proto . inet_service : verdict; comment "vmap to drop or reject packets to service nodeports with no endpoints"; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; comment "vmap to drop or reject packets to services with no endpoints"; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict; comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict; comment "NodePort traffic"; }
add chain ip kube-proxy cluster-ips-check
add chain ip kube-proxy filter-prerouting-pre-dnat { type filter hook prerouting priority -110; }
add chain ip kube-proxy filter-output-pre-dnat { type filter hook output priority -110; }
add chain ip kube-proxy filter-forward { type filter hook forward priority 0; }
add chain ip kube-proxy filter-input { type filter hook input priority 0; }
add chain ip kube-proxy filter-output { type filter hook output priority 0; }
add chain ip kube-proxy firewall-check
add chain ip kube-proxy mark-for-masquerade
add chain ip kube-proxy masquerading
add chain ip kube-proxy nat-output { type nat hook output priority -100; }
add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100; }
add chain ip kube-proxy nodeport-endpoints-check
add chain ip kube-proxy reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports"; }
add chain ip kube-proxy services
add chain ip kube-proxy service-endpoints-check
add rule ip kube-proxy cluster-ips-check ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
add rule ip kube-proxy cluster-ips-check ip daddr { 10.96.0.0/12 } drop comment "Drop traffic to unallocated ClusterIPs"
add rule ip kube-proxy filter-prerouting-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-forward ct state new jump service-endpoints-check
add rule ip kube-proxy filter-forward ct state new jump cluster-ips-check
add rule ip kube-proxy filter-input ct state new jump nodeport-endpoints-check
add rule ip kube-proxy filter-input ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-output ct state new jump cluster-ips-check
add rule ip kube-proxy firewall-check ip daddr . meta l4proto . th dport vmap @firewall-ips
add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
add rule ip kube-proxy masquerading mark and 0x4000 == 0 return
add rule ip kube-proxy masquerading mark set mark xor 0x4000
add rule ip kube-proxy masquerading masquerade fully-random
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy nodeport-endpoints-check ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
add rule ip kube-proxy reject-chain reject
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
add rule ip kube-proxy service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add element ip kube-proxy nodeport-ips { 203.0.113.10 }

add chain ip kube-proxy endpoint-KMT7QO4O-web/shop/tcp/http__10.244.0.5/8080
add rule ip kube-proxy endpoint-KMT7QO4O-web/shop/tcp/http__10.244.0.5/8080 ip saddr 10.244.0.5 jump mark-for-masquerade
add rule ip kube-proxy endpoint-KMT7QO4O-web/shop/tcp/http__10.244.0.5/8080 meta l4proto tcp dnat to 10.244.0.5:8080
add chain ip kube-proxy endpoint-CZOZLVET-web/shop/tcp/http__10.244.0.6/8080
add rule ip kube-proxy endpoint-CZOZLVET-web/shop/tcp/http__10.244.0.6/8080 ip saddr 10.244.0.6 jump mark-for-masquerade
add rule ip kube-proxy endpoint-CZOZLVET-web/shop/tcp/http__10.244.0.6/8080 meta l4proto tcp dnat to 10.244.0.6:8080
add chain ip kube-proxy service-LDHOHC55-web/shop/tcp/http
add rule ip kube-proxy service-LDHOHC55-web/shop/tcp/http ip daddr 10.96.0.41 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
add rule ip kube-proxy service-LDHOHC55-web/shop/tcp/http numgen random mod 2 vmap { 0 : goto endpoint-KMT7QO4O-web/shop/tcp/http__10.244.0.5/8080, 1 : goto endpoint-CZOZLVET-web/shop/tcp/http__10.244.0.6/8080 }
add chain ip kube-proxy external-LDHOHC55-web/shop/tcp/http
add rule ip kube-proxy external-LDHOHC55-web/shop/tcp/http jump mark-for-masquerade
add rule ip kube-proxy external-LDHOHC55-web/shop/tcp/http goto service-LDHOHC55-web/shop/tcp/http
add element ip kube-proxy cluster-ips { 10.96.0.41 }
add element ip kube-proxy service-ips { 10.96.0.41 . tcp . 80 : goto service-LDHOHC55-web/shop/tcp/http }
add element ip kube-proxy service-nodeports { tcp . 30080 : goto external-LDHOHC55-web/shop/tcp/http }

add set ip kube-proxy affinity-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 { type ipv4_addr; flags dynamic,timeout; timeout 10800s; }
add chain ip kube-proxy endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000
add rule ip kube-proxy endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 ip saddr 10.244.0.7 jump mark-for-masquerade
add rule ip kube-proxy endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 update @affinity-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 { ip saddr }
add rule ip kube-proxy endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 meta l4proto tcp dnat to 10.244.0.7:9000
add chain ip kube-proxy service-6AVT6IZV-web/api/tcp/grpc
add rule ip kube-proxy service-6AVT6IZV-web/api/tcp/grpc ip daddr 10.96.0.45 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
add rule ip kube-proxy service-6AVT6IZV-web/api/tcp/grpc ip saddr @affinity-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 goto endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000
add rule ip kube-proxy service-6AVT6IZV-web/api/tcp/grpc numgen random mod 1 vmap { 0 : goto endpoint-HEJVTCGN-web/api/tcp/grpc__10.244.0.7/9000 }
add chain ip kube-proxy external-6AVT6IZV-web/api/tcp/grpc
add rule ip kube-proxy external-6AVT6IZV-web/api/tcp/grpc ip saddr 10.244.0.0/16 goto service-6AVT6IZV-web/api/tcp/grpc comment "short-circuit pod traffic"
add rule ip kube-proxy external-6AVT6IZV-web/api/tcp/grpc fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"
add rule ip kube-proxy external-6AVT6IZV-web/api/tcp/grpc fib saddr type local goto service-6AVT6IZV-web/api/tcp/grpc comment "short-circuit local traffic"
add chain ip kube-proxy firewall-6AVT6IZV-web/api/tcp/grpc
add rule ip kube-proxy firewall-6AVT6IZV-web/api/tcp/grpc ip saddr != { 203.0.113.0/25 } drop
add element ip kube-proxy cluster-ips { 10.96.0.45 }
add element ip kube-proxy service-ips { 10.96.0.45 . tcp . 9000 : goto service-6AVT6IZV-web/api/tcp/grpc }
add element ip kube-proxy service-ips { 203.0.113.200 . tcp . 9000 : goto external-6AVT6IZV-web/api/tcp/grpc }
add element ip kube-proxy firewall-ips { 203.0.113.200 . tcp . 9000 : goto firewall-6AVT6IZV-web/api/tcp/grpc }
add element ip kube-proxy no-endpoint-services { 203.0.113.200 . tcp . 9000 comment "web/api:grpc" : drop }

add chain ip kube-proxy endpoint-PFBGCJCE-kube-system/dns/udp/dns__10.244.0.2/53
add rule ip kube-proxy endpoint-PFBGCJCE-kube-system/dns/udp/dns__10.244.0.2/53 ip saddr 10.244.0.2 jump mark-for-masquerade
add rule ip kube-proxy endpoint-PFBGCJCE-kube-system/dns/udp/dns__10.244.0.2/53 meta l4proto udp dnat to 10.244.0.2:53
add chain ip kube-proxy service-2YY5BS5C-kube-system/dns/udp/dns
add rule ip kube-proxy service-2YY5BS5C-kube-system/dns/udp/dns ip daddr 10.96.0.10 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
add rule ip kube-proxy service-2YY5BS5C-kube-system/dns/udp/dns numgen random mod 1 vmap { 0 : goto endpoint-PFBGCJCE-kube-system/dns/udp/dns__10.244.0.2/53 }
add element ip kube-proxy cluster-ips { 10.96.0.10 }
add element ip kube-proxy service-ips { 10.96.0.10 . udp . 53 : goto service-2YY5BS5C-kube-system/dns/udp/dns }

add element ip kube-proxy cluster-ips { 10.96.0.46 }
add element ip kube-proxy no-endpoint-services { 10.96.0.46 . tcp . 80 comment "web/gone:http" : goto reject-chain }
NFT
nft -f /tmp/kube-proxy.nft
