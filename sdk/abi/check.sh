#!/bin/sh
# Has the plugin interface changed in a way that it must not?
#   check.sh LAYOUT_PROGRAM RECORDS_FOLDER VERSION
# The record of this version must be what the headers say now, and every line of every older record must still hold.
program=$1
records=$2
version=$3
now=$(mktemp) || exit 1
trap 'rm -f "$now"' EXIT
"$program" >"$now" || exit 1
failed=0
if ! diff -u "$records/plugin-$version.layout" "$now"; then
	failed=1
	echo "The interface is not the recorded $version: raise OPSHUB_ABI_MINOR and add $records/plugin-<version>.layout, or undo it."
fi
for record in "$records"/plugin-*.layout; do
	changed=$(grep -vxFf "$now" "$record")
	[ -z "$changed" ] && continue
	failed=1
	echo "$changed"
	echo "These lines of $record do not hold any more: plugins built with it would break."
done
exit $failed
