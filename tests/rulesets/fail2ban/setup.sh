# fail2ban with its jail for sshd, by nftables (Debian's default) and one by iptables; two addresses are banned by hand.
cat >/etc/fail2ban/jail.local <<JAIL
[DEFAULT]
backend = polling
allowipv6 = auto
[sshd]
enabled = true
logpath = /var/log/auth.log
[recidive]
enabled = true
logpath = /var/log/fail2ban.log
banaction = iptables-allports
JAIL
touch /var/log/auth.log /var/log/fail2ban.log
mkdir -p /run/fail2ban
fail2ban-server -b start
until fail2ban-client ping; do sleep 0.2; done
fail2ban-client set sshd banip 198.51.100.66
fail2ban-client set recidive banip 198.51.100.67
sleep 2
fail2ban-client status sshd
