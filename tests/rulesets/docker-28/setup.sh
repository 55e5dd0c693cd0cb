# dockerd of a later Debian (28.5).
PATH="/opt/docker.io/usr/sbin:$PATH"
. /project/tests/rulesets/software/docker.sh
