# netavark by its iptables driver.
export NETAVARK_FW=iptables
. /project/tests/rulesets/software/netavark.sh
