# netfilter-persistent's own plugins load, as they do at boot, what an administrator saved.
mkdir -p /etc/iptables
cat >/etc/iptables/rules.v4 <<'RULES'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A INPUT -m limit --limit 3/min -j LOG --log-prefix "input refused: "
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
RULES
sed -e 's/-p icmp -m icmp --icmp-type 8/-p ipv6-icmp/' /etc/iptables/rules.v4 >/etc/iptables/rules.v6
for plugin in 15-ip4tables 25-ip6tables; do
    sh /opt/iptables-persistent/usr/share/netfilter-persistent/plugins.d/$plugin start
done
