#!/bin/sh
# The plugins of today against the host of each released interface: one works there, or says that it needs a later one.
# And each exports one symbol.
#   pairs.sh OLD_HOST PLUGIN.so...
host=$1
shift
state=$(mktemp -d) || exit 1
trap 'rm -rf "$state"' EXIT
failed=0
for plugin in "$@"; do
	symbols=$(nm --dynamic --defined-only --format=just-symbols "$plugin")
	if [ "$symbols" != opshub_plugin_entry ]; then
		failed=1
		echo "$plugin exports more or less than opshub_plugin_entry: $symbols"
	fi
	EXEC_PROGRAM=/bin/false STATE_DIRECTORY=$state timeout 60 "$host" "$plugin" >"$state/out" 2>&1
	status=$?
	case $status in
	0) echo "${plugin##*/} works in ${host##*/}" ;;
	3) echo "${plugin##*/}: $(cat "$state/out")" ;;
	*)
		failed=1
		echo "${plugin##*/} breaks ${host##*/} (exit status $status):"
		cat "$state/out"
		;;
	esac
done
exit $failed
