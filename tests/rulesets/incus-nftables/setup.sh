# incusd with a managed bridge, a forward of an address to a (not existing) instance, and an ACL.
export INCUS_DIR=/var/lib/incus
mkdir -p $INCUS_DIR
/usr/libexec/incus/incusd --group root --logfile /tmp/incus.log &
/usr/libexec/incus/incusd waitready --timeout 60
incus network create incusbr0 ipv4.address=10.20.30.1/24 ipv4.nat=true ipv6.address=fd42:1:2:3::1/64 ipv6.nat=true
incus network forward create incusbr0 203.0.113.10
incus network forward port add incusbr0 203.0.113.10 tcp 2222 10.20.30.100 22
incus network acl create web
incus network acl rule add web ingress action=allow protocol=tcp destination_port=80,443
incus network acl rule add web egress action=reject destination=192.0.2.0/24
incus network set incusbr0 security.acls=web
