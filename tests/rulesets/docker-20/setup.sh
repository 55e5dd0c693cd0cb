# dockerd alone, as it starts.
. /project/tests/rulesets/software/docker.sh
