# A container runtime wants net.bridge.bridge-nf-call-iptables (see fixture.toml), and FORWARD drops what is not known.
iptables -P FORWARD DROP
iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -s 192.168.122.0/24 -o eth0 -j ACCEPT
