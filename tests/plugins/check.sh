#!/bin/sh
# opshub-plugin-check against the odd plugins: each is refused with its own sentence, sound ones pass.
#   check.sh BUILD_FOLDER SDK_FOLDER
check=$1/bin/opshub-plugin-check
odd=$1/tests/plugins
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
number=0
failed=0

# verdict STATUS TEXT NAME ARGUMENTS...: the exit status, and a part of what it says
verdict() {
	status=$1
	text=$2
	name=$3
	shift 3
	timeout 60 "$check" "$@" >"$out/out" 2>"$out/err"
	got=$?
	number=$((number + 1))
	if [ "$got" = "$status" ] && cat "$out/out" "$out/err" | grep -qF -- "$text"; then
		echo "ok $number - $name"
	else
		failed=$((failed + 1))
		echo "not ok $number - $name: exit status $got instead of $status, or no \"$text\" in:"
		sed 's/^/# /' "$out/out" "$out/err"
	fi
}

refused() {
	verdict 1 "$2" "$1 is refused" --limit 3 "$odd/$1.so"
}

refused no-magic 'does not start with OPSHUB_MAGIC'
refused short-struct 'the least is 112'
refused newer-major 'built for plugin ABI 2'
refused newer-minor 'needs plugin ABI 1.2'
refused no-operation 'lacks the operation destroy'
refused no-description 'returned NULL'
refused no-symbol 'does not export opshub_plugin_entry()'
refused undefined 'undefined symbol: nobody_has_this'
refused wrong-name 'calls itself "vercel"'
refused wrong-kind 'of kind 99'
refused setting-outside 'outside the instance'
refused not-elf 'not an ELF'
refused world-writable 'can be written by everybody'
refused link-out 'link out of the plugin folder'
refused ctor-aborts 'crashed while it was being loaded (SIGABRT)'
refused ctor-exits 'ended the process while it was being loaded'
refused ctor-hangs 'did not return within 5000 ms while it was being loaded'
refused open-fails 'open failed: The moon is in the wrong phase'
refused hangs 'create did not return within 3 s'
refused crashes 'status crashed (SIGSEGV)'
refused blocking-overflow 'create crashed (SIGSEGV)'
refused foreign-memory "neither host->alloc()'s nor static"
refused unknown-status 'unknown status -4711 from destroy'
refused silent 'without saying why'
refused imports-socket 'it uses socket(), which opens sockets of its own'
verdict 0 'good 1.0, a provider' 'good passes' "$odd/good.so"
verdict 0 'that blocks' 'blocking passes' "$odd/blocking.so"
verdict 0 'built for ABI 1.2, needs 1.0' 'later-minor passes' "$odd/later-minor.so"
verdict 0 'mock 1.0.0, a provider' 'mock passes' "$1/plugins/mock.so"
verdict 0 'slack 1.0.0, a notifier' 'slack passes' "$1/plugins/slack.so"
verdict 0 'github 1.0.0, a notifier' 'github passes' "$1/plugins/github.so"
verdict 0 'webhook 1.0.0, a notifier' 'webhook passes' --set secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "$1/plugins/webhook.so"
verdict 0 'netlify 1.0.0, a provider' 'netlify passes' "$1/plugins/netlify.so"
verdict 0 'destroy  OK' 'netlify passes its recorded answers' --recorded "$(dirname "$0")/recorded/netlify.txt" "$1/plugins/netlify.so"
EXEC_PROGRAM=/bin/false
STATE_DIRECTORY=$out
export EXEC_PROGRAM STATE_DIRECTORY
verdict 0 'exec 1.0.0, a provider that blocks' 'exec passes' "$1/plugins/exec.so"
unset EXEC_PROGRAM
verdict 1 'set EXEC_PROGRAM' 'exec without a program is refused' "$1/plugins/exec.so"
verdict 0 'built for ABI 1.0' 'the plugin of release 1.0 passes' "$odd/abi-1-0.so"
verdict 1 'must start with https://' 'a wrong setting is refused' --set url=ftp://x "$odd/good.so"
verdict 2 'usage:' 'no file is a usage error'
verdict 2 'cannot be read' 'a missing recording is a usage error' --recorded "$out/absent" "$odd/good.so"
verdict 1 'No such file' 'a missing plugin is refused' "$odd/absent.so"
verdict 0 'ok' 'the template passes its recorded answers' --recorded "$2/template/recorded.txt" "$odd/example.so"
sed 's/check_attempt_1/other/' "$2/template/recorded.txt" >"$out/wrong.txt"
verdict 1 'does not hold' 'a create that differs from the recording is refused' --recorded "$out/wrong.txt" "$odd/example.so"

echo "1..$number"
echo "# tests $number"
echo "# pass $((number - failed))"
echo "# fail $failed"
[ "$failed" = 0 ]
