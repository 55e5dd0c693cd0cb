# What kube-proxy in iptables mode, and the kubelet, put there, written after kube-proxy's source (see NOTE.md): a service with two
# endpoints and a node port, one with session affinity and a load balancer's address open to one subnet, DNS by UDP, and
# a service without endpoints.
iptables-restore <<'RESTORE'
*mangle
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-EXTERNAL-SERVICES -d 203.0.113.200/32 -p tcp -m comment --comment "web/api:grpc has no local endpoints" -m tcp --dport 9000 -j DROP
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NODEPORTS -p tcp -m comment --comment "web/api:grpc health check node port" -m tcp --dport 31000 -j ACCEPT
-A KUBE-PROXY-FIREWALL -d 203.0.113.200/32 -p tcp -m comment --comment "web/api:grpc traffic not accepted by KUBE-FW-I5LIIXQNOWAPVLTF" -m tcp --dport 9000 -j DROP
-A KUBE-SERVICES -d 10.96.0.46/32 -p tcp -m comment --comment "web/gone:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-EXT-I5LIIXQNOWAPVLTF - [0:0]
:KUBE-EXT-ZGZYMXMCLJDNVEPS - [0:0]
:KUBE-FW-I5LIIXQNOWAPVLTF - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SEP-5ISRRJEOOKZJD7FK - [0:0]
:KUBE-SEP-HLFQVBQUWUNU3BW4 - [0:0]
:KUBE-SEP-SZAEC7ZKKBUP7GZN - [0:0]
:KUBE-SEP-YEXZHIEU3JVGNWYB - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-2KKYJRIGYGQNRODB - [0:0]
:KUBE-SVC-I5LIIXQNOWAPVLTF - [0:0]
:KUBE-SVC-ZGZYMXMCLJDNVEPS - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-EXT-I5LIIXQNOWAPVLTF -s 10.244.0.0/16 -m comment --comment "pod traffic for web/api:grpc external destinations" -j KUBE-SVC-I5LIIXQNOWAPVLTF
-A KUBE-EXT-I5LIIXQNOWAPVLTF -m comment --comment "masquerade LOCAL traffic for web/api:grpc external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-I5LIIXQNOWAPVLTF -m comment --comment "route LOCAL traffic for web/api:grpc external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-I5LIIXQNOWAPVLTF
-A KUBE-EXT-ZGZYMXMCLJDNVEPS -m comment --comment "masquerade traffic for web/shop:http external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-ZGZYMXMCLJDNVEPS -j KUBE-SVC-ZGZYMXMCLJDNVEPS
-A KUBE-FW-I5LIIXQNOWAPVLTF -s 203.0.113.0/25 -m comment --comment "web/api:grpc loadbalancer IP" -j KUBE-EXT-I5LIIXQNOWAPVLTF
-A KUBE-FW-I5LIIXQNOWAPVLTF -m comment --comment "other traffic to web/api:grpc will be dropped by KUBE-PROXY-FIREWALL"
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-NODEPORTS -d 203.0.113.10/32 -p tcp -m comment --comment "web/shop:http" -m tcp --dport 30080 -j KUBE-EXT-ZGZYMXMCLJDNVEPS
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SEP-5ISRRJEOOKZJD7FK -s 10.244.0.6/32 -m comment --comment "web/shop:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-5ISRRJEOOKZJD7FK -p tcp -m comment --comment "web/shop:http" -m tcp -j DNAT --to-destination 10.244.0.6:8080
-A KUBE-SEP-HLFQVBQUWUNU3BW4 -s 10.244.0.7/32 -m comment --comment "web/api:grpc" -j KUBE-MARK-MASQ
-A KUBE-SEP-HLFQVBQUWUNU3BW4 -p tcp -m comment --comment "web/api:grpc" -m recent --name KUBE-SEP-HLFQVBQUWUNU3BW4 --set -m tcp -j DNAT --to-destination 10.244.0.7:9000
-A KUBE-SEP-SZAEC7ZKKBUP7GZN -s 10.244.0.5/32 -m comment --comment "web/shop:http" -j KUBE-MARK-MASQ
-A KUBE-SEP-SZAEC7ZKKBUP7GZN -p tcp -m comment --comment "web/shop:http" -m tcp -j DNAT --to-destination 10.244.0.5:8080
-A KUBE-SEP-YEXZHIEU3JVGNWYB -s 10.244.0.2/32 -m comment --comment "kube-system/dns:dns" -j KUBE-MARK-MASQ
-A KUBE-SEP-YEXZHIEU3JVGNWYB -p udp -m comment --comment "kube-system/dns:dns" -m udp -j DNAT --to-destination 10.244.0.2:53
-A KUBE-SERVICES -d 10.96.0.41/32 -p tcp -m comment --comment "web/shop:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-ZGZYMXMCLJDNVEPS
-A KUBE-SERVICES -d 10.96.0.45/32 -p tcp -m comment --comment "web/api:grpc cluster IP" -m tcp --dport 9000 -j KUBE-SVC-I5LIIXQNOWAPVLTF
-A KUBE-SERVICES -d 203.0.113.200/32 -p tcp -m comment --comment "web/api:grpc loadbalancer IP" -m tcp --dport 9000 -j KUBE-FW-I5LIIXQNOWAPVLTF
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/dns:dns cluster IP" -m udp --dport 53 -j KUBE-SVC-2KKYJRIGYGQNRODB
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-2KKYJRIGYGQNRODB ! -s 10.244.0.0/16 -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/dns:dns cluster IP" -m udp --dport 53 -j KUBE-MARK-MASQ
-A KUBE-SVC-2KKYJRIGYGQNRODB -m comment --comment "kube-system/dns:dns -> 10.244.0.2:53" -j KUBE-SEP-YEXZHIEU3JVGNWYB
-A KUBE-SVC-I5LIIXQNOWAPVLTF ! -s 10.244.0.0/16 -d 10.96.0.45/32 -p tcp -m comment --comment "web/api:grpc cluster IP" -m tcp --dport 9000 -j KUBE-MARK-MASQ
-A KUBE-SVC-I5LIIXQNOWAPVLTF -m comment --comment "web/api:grpc -> 10.244.0.7:9000" -m recent --name KUBE-SEP-HLFQVBQUWUNU3BW4 --rcheck --seconds 10800 --reap -j KUBE-SEP-HLFQVBQUWUNU3BW4
-A KUBE-SVC-I5LIIXQNOWAPVLTF -m comment --comment "web/api:grpc -> 10.244.0.7:9000" -j KUBE-SEP-HLFQVBQUWUNU3BW4
-A KUBE-SVC-ZGZYMXMCLJDNVEPS ! -s 10.244.0.0/16 -d 10.96.0.41/32 -p tcp -m comment --comment "web/shop:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-ZGZYMXMCLJDNVEPS -m comment --comment "web/shop:http -> 10.244.0.5:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-SZAEC7ZKKBUP7GZN
-A KUBE-SVC-ZGZYMXMCLJDNVEPS -m comment --comment "web/shop:http -> 10.244.0.6:8080" -j KUBE-SEP-5ISRRJEOOKZJD7FK
COMMIT
RESTORE
