# firewalld with its older backend; otherwise as Debian configures it.
sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' /etc/firewalld/firewalld.conf
mkdir -p /run/dbus
dbus-daemon --system --fork
firewalld --nofork --nopid >/dev/null 2>&1 &
until firewall-cmd --state; do sleep 0.2; done
firewall-cmd --zone=public --change-interface=eth0
