# firewalld first, then dockerd, which puts its bridges in a zone of its own.
mkdir -p /run/dbus
dbus-daemon --system --fork
firewalld --nofork --nopid >/dev/null 2>&1 &
until firewall-cmd --state; do sleep 0.2; done
firewall-cmd --zone=public --change-interface=eth0
. /project/tests/rulesets/software/docker.sh
