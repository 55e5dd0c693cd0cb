# incusd takes its xtables driver where there is no nft. A managed bridge, and a forward of an address to a (not existing) instance.
export INCUS_DIR=/var/lib/incus
mkdir -p $INCUS_DIR
mv /usr/sbin/nft /usr/sbin/nft.away
/usr/libexec/incus/incusd --group root --logfile /tmp/incus.log &
/usr/libexec/incus/incusd waitready --timeout 60
incus network create incusbr0 ipv4.address=10.20.30.1/24 ipv4.nat=true ipv6.address=fd42:1:2:3::1/64 ipv6.nat=true
incus network forward create incusbr0 203.0.113.10
incus network forward port add incusbr0 203.0.113.10 tcp 2222 10.20.30.100 22
mv /usr/sbin/nft.away /usr/sbin/nft
