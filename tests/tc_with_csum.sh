#!/bin/sh
# tc of a kernel that has act_csum, on one that has not: the action mirred stands for csum, in what is asked and in what
# is printed. Everything else is as the real tc ($REAL_TC) and the real kernel do it.
action='mirred egress mirror dev lo'

left=$#
skip=0
while [ "$left" -gt 0 ]; do
    if [ "$skip" -gt 0 ]; then
        skip=$((skip - 1))
    elif [ "$1" = csum ]; then
        # shellcheck disable=SC2086 # words
        set -- "$@" $action
        skip=3 # ip and udp
    else
        set -- "$@" "$1"
    fi
    shift
    left=$((left - 1))
done

case " $* " in
    *" -batch "*) printed=$(sed "s/action csum ip and udp/action $action/" | "$REAL_TC" "$@") ;;
    *) printed=$("$REAL_TC" "$@") ;;
esac
status=$?
printf '%s\n' "$printed" |
    sed 's/"kind":"mirred","mirred_action":"mirror","direction":"egress","to_dev":"lo"/"kind":"csum","csum":"iph, udp"/g'
exit "$status"
