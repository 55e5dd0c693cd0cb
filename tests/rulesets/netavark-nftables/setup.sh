# netavark by its nftables driver.
export NETAVARK_FW=nftables
. /project/tests/rulesets/software/netavark.sh
