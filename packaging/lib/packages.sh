# shellcheck shell=bash
# The Debian packages OpsHub needs, and how they get onto this machine. Sourced by packaging/quickstart and tests/run.
#
# Owns the three lists below, and nothing else names a package.
# Easy to break: when everything is there this costs one dpkg-query, no network and no root.

# To compile. libcmocka-dev is here because configuring reads tests/ too.
PACKAGES_BUILD=(gcc libc6-dev cmake ninja-build pkg-config libh2o-evloop-dev libuv1-dev libpq-dev libhiredis-dev libyajl-dev
	libcurl4-openssl-dev libssl-dev libjwt-dev libinih-dev zlib1g-dev libcmocka-dev)
# To run a private PostgreSQL and Redis, and to talk to what was started.
PACKAGES_RUN=(postgresql redis-server curl ca-certificates)
# To test: a second compiler, the linter of shell scripts. Node and npm come on top where they are missing or too old.
PACKAGES_TEST=(clang shellcheck)

packages_node_is_new_enough() {
	local version
	version=$(node --version 2>/dev/null) || return 1
	version=${version#v}
	[[ ${version%%.*} -ge 18 ]] && command -v npm >/dev/null
}

# packages_missing NAME...: those that are not installed, one a line.
packages_missing() {
	local installed name
	# shellcheck disable=SC2016 # the format is dpkg-query's, not the shell's
	installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status}\n' "$@" 2>/dev/null |
		sed -n 's/:installed$//p' | tr '\n' ' ') "
	for name in "$@"; do
		[[ $installed == *" $name "* ]] || printf '%s\n' "$name"
	done
}

# packages_install build|run|test...: installs what is missing of these lists, or says exactly what to install.
packages_install() {
	local list wanted=() missing=() as_root=()
	for list in "$@"; do
		case $list in
		build) wanted+=("${PACKAGES_BUILD[@]}") ;;
		run) wanted+=("${PACKAGES_RUN[@]}") ;;
		test)
			wanted+=("${PACKAGES_TEST[@]}")
			packages_node_is_new_enough || wanted+=(nodejs npm)
			;;
		*)
			printf 'packages_install: no list is called "%s"\n' "$list" >&2
			return 2
			;;
		esac
	done
	if ! command -v dpkg-query >/dev/null; then
		printf 'This is not a Debian system. Install what these Debian 12 packages hold, then run this again with\nOPSHUB_SKIP_PACKAGES=1:\n  %s\n' "${wanted[*]}" >&2
		[[ ${OPSHUB_SKIP_PACKAGES:-0} == 1 ]]
		return
	fi
	mapfile -t missing < <(packages_missing "${wanted[@]}")
	[[ ${#missing[@]} -gt 0 ]] || return 0

	if [[ $(id -u) -ne 0 ]]; then
		if ! command -v sudo >/dev/null || ! sudo -v; then
			printf 'Some packages are missing, and this is not root and has no sudo. Ask an administrator to run:\n  apt-get update && apt-get install %s\n' "${missing[*]}" >&2
			return 1
		fi
		as_root=(sudo)
	fi
	printf 'Installing with apt-get: %s\n' "${missing[*]}"
	if ! { "${as_root[@]}" apt-get update -qq &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; }; then
		printf 'apt-get could not install the packages above. Repair it (its own message says what is wrong), or run:\n  apt-get update && apt-get install %s\n' "${missing[*]}" >&2
		return 1
	fi
}
