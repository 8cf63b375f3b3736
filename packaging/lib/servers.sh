# shellcheck shell=bash
# Private servers in one folder: PostgreSQL, Redis, the mock cloud and opshubd, each on a free loopback port. Shared by
# packaging/quickstart, tests/stack and tests/part.
#
# Owns what lies in the folder: NAME.pid and NAME.log for each server, pg/ and redis/ with their data, pg.port,
# redis.port, cloud.port, daemon.env (what opshubd gets as its environment, mode 0600).
# Easy to break: a server is stopped by the pid this library wrote, never by name, so that two folders never meet.
#
#     servers_init DIR          finds the programs, makes the folder
#     pg_create; pg_start       redis_start       cloud_start BIN       daemon_start BIN
#     server_stop NAME          for NAME in pg redis cloud opshubd

SERVERS_DIR=
PG_BIN=
PG_USER=()           # prefix that runs a command as the owner of the cluster; empty when that is us
SERVERS_TIED=()      # prefix that ends a server with the script that started it

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

servers_init() {
	SERVERS_DIR=$1
	mkdir -p "$SERVERS_DIR"
	local bin
	for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
		[[ -x $bin/initdb && -x $bin/postgres ]] && PG_BIN=$bin
	done
	[[ -n $PG_BIN ]] || PG_BIN=$(pg_config --bindir 2>/dev/null) || die "no PostgreSQL server found; install Debian's package postgresql"
	command -v redis-server >/dev/null || die "no redis-server found; install Debian's package redis-server"
	PG_USER=()
	if [[ $(id -u) -eq 0 ]]; then # PostgreSQL refuses to run as root
		local user=postgres
		id "$user" >/dev/null 2>&1 || user=nobody
		PG_USER=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups --)
		chmod 711 "$SERVERS_DIR"
		"${PG_USER[@]}" test -x "$SERVERS_DIR" ||
			die "the user $user may not enter $SERVERS_DIR; set TMPDIR to a folder it can reach, or do not run this as root"
	fi
}

# Ends what is started from here on when the calling script dies, even by SIGKILL.
servers_tie() {
	SERVERS_TIED=(setpriv --pdeathsig TERM --)
}

# A port nobody listens on. Below the range the kernel takes outgoing ports from, so that it stays free until we bind.
free_port() {
	local port tries
	for ((tries = 0; tries < 200; tries++)); do
		port=$((RANDOM % 12000 + 20000))
		port_is_free "$port" && printf '%s\n' "$port" && return
	done
	die "found no free TCP port on 127.0.0.1 in 200 tries"
}

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

random_hex() {
	od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# A zombie does not count: where nobody reaps, it stays for ever.
pid_is_alive() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	[[ $line != [ZX]* ]]
}

# server_spawn NAME CMD...: in a session of its own, so that Ctrl-C reaches this script alone.
server_spawn() {
	local name=$1
	shift
	"${SERVERS_TIED[@]}" setsid "$@" >>"$SERVERS_DIR/$name.log" 2>&1 </dev/null &
	printf '%s\n' "$!" >"$SERVERS_DIR/$name.pid"
	disown
}

server_pid() {
	cat "$SERVERS_DIR/$1.pid" 2>/dev/null
}

server_is_alive() {
	local pid
	pid=$(server_pid "$1") && [[ -n $pid ]] && pid_is_alive "$pid"
}

# The server's process and its children: a PostgreSQL is only paused or killed when all of it is.
server_family() {
	local pid
	pid=$(server_pid "$1") || return 0
	printf '%s %s\n' "$pid" "$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)"
}

# server_wait NAME SECONDS CMD...: until CMD succeeds; fails when the server ends or the time does.
server_wait() {
	local name=$1 end=$((SECONDS + $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		if ! server_is_alive "$name"; then
			printf '%s ended while starting; its log ends with:\n' "$name" >&2
			tail -n 20 "$SERVERS_DIR/$name.log" >&2
			return 1
		fi
		if ((SECONDS >= end)); then
			printf '%s was not ready in time; its log ends with:\n' "$name" >&2
			tail -n 20 "$SERVERS_DIR/$name.log" >&2
			return 1
		fi
		sleep 0.05
	done
}

# server_stop NAME [SECONDS]: politely, then by force, which is a failure.
server_stop() {
	local name=$1 seconds=${2:-30} pid signal=TERM
	pid=$(server_pid "$name") || return 0
	[[ $name == pg ]] && signal=INT # PostgreSQL's fast shutdown; TERM waits for its clients
	if pid_is_alive "$pid"; then
		kill -CONT "$pid" 2>/dev/null
		kill "-$signal" "$pid" 2>/dev/null
		local end=$((SECONDS + seconds))
		while pid_is_alive "$pid"; do
			if ((SECONDS >= end)); then
				# shellcheck disable=SC2046 # a list of pids
				kill -KILL $(server_family "$name") 2>/dev/null
				printf '%s (pid %s) did not stop within %s s of SIG%s and was killed\n' "$name" "$pid" "$seconds" "$signal" >&2
				rm -f "$SERVERS_DIR/$name.pid"
				return 1
			fi
			sleep 0.05
		done
	fi
	rm -f "$SERVERS_DIR/$name.pid"
}

# ---- PostgreSQL: role and database "opshub", password in the file pg.password ----
# pg_create [fsync on|off]
pg_create() {
	local dir=$SERVERS_DIR password
	free_port >"$dir/pg.port"
	password=$(random_hex 16)
	(umask 077 && printf '%s\n' "$password" >"$dir/pg.password")
	mkdir -m 700 "$dir/pg"
	cp "$dir/pg.password" "$dir/pg.initdb" # initdb reads it as the other user
	if [[ ${#PG_USER[@]} -gt 0 ]]; then
		chown "${PG_USER[1]#--reuid=}" "$dir/pg" "$dir/pg.initdb"
	fi
	"${PG_USER[@]}" "$PG_BIN/initdb" --no-sync --encoding=UTF8 --locale=C.UTF-8 --username=postgres --auth=scram-sha-256 \
		--pwfile="$dir/pg.initdb" --pgdata="$dir/pg" >"$dir/pg.log" 2>&1 ||
		{ cat "$dir/pg.log" >&2; die "initdb failed in $dir/pg"; }
	rm -f "$dir/pg.initdb"
	"${PG_USER[@]}" tee -a "$dir/pg/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = '127.0.0.1'
		port = $(cat "$dir/pg.port")
		unix_socket_directories = '$(pg_socket_folder)'
		fsync = ${1:-on}
		max_connections = 100
		log_timezone = 'UTC'
		timezone = 'UTC'
	CONF
	pg_start
	pg_admin <<-SQL
		create role opshub login password '$password';
		create database opshub owner opshub;
	SQL
}

# A socket's path has at most 107 bytes; in a deep folder there is TCP alone.
pg_socket_folder() {
	[[ ${#SERVERS_DIR} -gt 80 ]] || printf '%s/pg' "$SERVERS_DIR"
}

pg_start() {
	local dir=$SERVERS_DIR
	# After a SIGKILL its locks name a pid, which PostgreSQL takes for alive where nobody reaps zombies.
	server_is_alive pg || rm -f "$dir/pg/postmaster.pid" "$dir"/pg/.s.PGSQL.*
	if [[ ${#PG_USER[@]} -gt 0 ]]; then
		server_spawn_as_owner
	else
		server_spawn pg "$PG_BIN/postgres" -D "$dir/pg"
	fi
	server_wait pg 60 "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$(cat "$dir/pg.port")"
}

# The change of user comes before the tie: it would undo it.
server_spawn_as_owner() {
	local tied=("${SERVERS_TIED[@]}")
	SERVERS_TIED=("${PG_USER[@]}" "${tied[@]}")
	server_spawn pg "$PG_BIN/postgres" -D "$SERVERS_DIR/pg"
	SERVERS_TIED=("${tied[@]}")
}

# SQL from stdin, as the superuser.
pg_admin() {
	PGPASSWORD=$(cat "$SERVERS_DIR/pg.password") "$PG_BIN/psql" -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 \
		-p "$(cat "$SERVERS_DIR/pg.port")" -U postgres -d postgres
}

pg_url() {
	printf 'postgresql://opshub:%s@127.0.0.1:%s/opshub' "$(cat "$SERVERS_DIR/pg.password")" "$(cat "$SERVERS_DIR/pg.port")"
}

# ---- Redis ----
redis_start() {
	local dir=$SERVERS_DIR port
	mkdir -p "$dir/redis"
	[[ -s $dir/redis.port ]] || free_port >"$dir/redis.port"
	port=$(cat "$dir/redis.port")
	server_spawn redis redis-server --port "$port" --bind 127.0.0.1 --dir "$dir/redis" --appendonly yes \
		--maxmemory 512mb --maxmemory-policy noeviction --maxclients 100 --daemonize no
	server_wait redis 30 redis_answers
}

redis_answers() {
	[[ $(redis-cli -h 127.0.0.1 -p "$(cat "$SERVERS_DIR/redis.port")" ping) == PONG ]]
}

redis_url() {
	printf 'redis://127.0.0.1:%s' "$(cat "$SERVERS_DIR/redis.port")"
}

# ---- the mock cloud: cloud_start BIN ----
cloud_start() {
	local dir=$SERVERS_DIR port
	[[ -s $dir/cloud.port ]] || free_port >"$dir/cloud.port"
	port=$(cat "$dir/cloud.port")
	server_spawn cloud "$1/opshub-mock-cloud" --port "$port" --data "$dir/cloud.journal"
	server_wait cloud 30 curl -fsS --max-time 2 "http://127.0.0.1:$port/v1/stats"
}

# ---- opshubd ----
# daemon_env KEY=VALUE...: what opshubd, and nothing else, gets as its environment.
daemon_env() {
	local pair
	(umask 077 && touch "$SERVERS_DIR/daemon.env")
	for pair in "$@"; do
		printf 'export %s=%q\n' "${pair%%=*}" "${pair#*=}" >>"$SERVERS_DIR/daemon.env"
	done
}

daemon_value() {
	# shellcheck source=/dev/null
	(unset "$1" && . "$SERVERS_DIR/daemon.env" && printf '%s' "${!1-}")
}

# Nothing of the caller's environment reaches the daemon but this: a SLACK_BOT_TOKEN in somebody's shell must not.
daemon_environment() {
	local name
	for name in $(compgen -e); do
		case $name in
		PATH | HOME | TMPDIR | LANG | TZ | PWD | SHLVL) ;;
		*) unset "$name" ;;
		esac
	done
	# shellcheck source=/dev/null
	. "$SERVERS_DIR/daemon.env"
}

# daemon_run BIN ARG...: one admin command in the foreground.
daemon_run() {
	(daemon_environment && exec "$1/opshubd" "${@:2}")
}

daemon_start() {
	(daemon_environment && exec "${SERVERS_TIED[@]}" setsid "$1/opshubd") >>"$SERVERS_DIR/opshubd.log" 2>&1 </dev/null &
	printf '%s\n' "$!" >"$SERVERS_DIR/opshubd.pid"
	disown
	server_wait opshubd 60 curl -fsS --max-time 2 "http://127.0.0.1:$(daemon_value PORT)/readyz"
}

# HTTP with a bearer token kept out of the list of processes: api_get TOKEN URL
api_get() {
	printf 'header = "Authorization: Bearer %s"\n' "$1" | curl -fsS --max-time 10 -K - "$2"
}

# login URL EMAIL: prints a token.
login() {
	curl -fsS --max-time 10 -H 'Content-Type: application/json' -d "{\"email\":\"$2\"}" "$1/test/login-as" |
		sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p'
}
