#!/bin/sh
# Previews with docker compose, for exec.so (EXEC_PROGRAM): each deployment is a compose project with the deployment's id
# as its name, built from the pull request's commit. It runs in a folder of its own, which it cleans up.
#
#   COMPOSE_SOURCE   where repositories are fetched from (https://github.com)
#   COMPOSE_SERVICE  the service that people open (web), and COMPOSE_PORT its port inside (80)
#   COMPOSE_HOST     the name of this machine in the preview's address (localhost)
# Put those you set into the environment of opshubd, and their names into EXEC_PASS.
set -eu
: "${COMPOSE_SOURCE:=https://github.com}" "${COMPOSE_SERVICE:=web}" "${COMPOSE_PORT:=80}" "${COMPOSE_HOST:=localhost}"

result() {
	printf '{"type":"result",%s}\n' "$1"
}

compose() {
	docker compose --project-name "$OPSHUB_ID" "$@"
}

build() {
	git init --quiet source &&
		git -C source fetch --quiet --depth 1 "$COMPOSE_SOURCE/$OPSHUB_REPOSITORY.git" "$OPSHUB_SHA" &&
		git -C source checkout --quiet FETCH_HEAD &&
		compose --project-directory source up --build --detach
}

is_building() {
	[ -s pid ] && kill -0 "$(cat pid)" 2>/dev/null
}

stop_build() {
	if is_building; then
		kill -TERM -- "-$(cat pid)" 2>/dev/null || true
	fi
}

case $1 in
verify)
	docker compose version >&2
	result '"account":"docker compose on this machine"'
	;;
create)
	# In the background: OpsHub waits for create no longer than PROVIDER_TIMEOUT_MS.
	if [ ! -e state ]; then
		echo BUILDING >state
		setsid "$0" build </dev/null >>"$OPSHUB_LOG" 2>&1 &
		echo $! >pid
	fi
	result '"state":"BUILDING"'
	;;
build) # by create, not by OpsHub
	if build; then echo READY >state; else echo FAILED >state; fi
	;;
status)
	[ -e state ] || exit 13 # not found
	is_building || [ "$(cat state)" != BUILDING ] || echo FAILED >state
	case $(cat state) in
	READY)
		address=$(compose --project-directory source port "$COMPOSE_SERVICE" "$COMPOSE_PORT")
		result "\"state\":\"READY\",\"url\":\"http://$COMPOSE_HOST:${address##*:}/\""
		;;
	FAILED) result '"state":"FAILED","message":"docker compose did not bring it up: the build log says why"' ;;
	*) result "\"state\":\"$(cat state)\"" ;;
	esac
	;;
cancel)
	stop_build
	echo CANCELLED >state
	;;
destroy)
	stop_build
	compose down --volumes --remove-orphans --rmi local >&2
	rm -rf source state pid
	;;
*)
	exit 21 # not supported
	;;
esac
