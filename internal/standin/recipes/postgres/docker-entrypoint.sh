#!/bin/bash
# Runs the PostgreSQL server; in an empty data directory it makes a database cluster first. Any other command
# is run as it is.
set -Eeo pipefail

fail() { printf '%s\n' "$@" >&2; exit 1; }

# from_file NAME [DEFAULT] sets NAME from the file that NAME_FILE names, where a secret is handed over as a file.
from_file() {
  local name=$1 file=$1_FILE
  [[ -z ${!name} || -z ${!file} ]] || fail "error: both $name and $file are set; only one of them can be"
  if [[ -n ${!file} ]]; then
    export "$name"="$(< "${!file}")"
  else
    export "$name"="${!name:-$2}"
  fi
  unset "$file"
}

# A help text or a version is asked for, not a server.
only_tells() {
  local argument
  for argument; do
    case "$argument" in -'?' | --help | --describe-config | -V | --version) return 0 ;; esac
  done
  return 1
}

prepare_directories() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 00700 "$PGDATA" || true
  chmod 03775 /var/run/postgresql || true
  if [[ -n $POSTGRES_INITDB_WALDIR ]]; then
    mkdir -p "$POSTGRES_INITDB_WALDIR"
    chmod 700 "$POSTGRES_INITDB_WALDIR"
  fi
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" /var/run/postgresql ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \! -user postgres \
      -exec chown postgres '{}' +
  fi
}

require_password() {
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] || fail \
    'Error: Database is uninitialized and superuser password is not specified.' \
    '       Give one with POSTGRES_PASSWORD: docker run -e POSTGRES_PASSWORD=... postgres' \
    '       POSTGRES_HOST_AUTH_METHOD=trust does without, and then lets anyone who reaches the port in.'
  [[ $POSTGRES_HOST_AUTH_METHOD != trust ]] || printf '%s\n' \
    'WARNING: POSTGRES_HOST_AUTH_METHOD is "trust": whoever reaches the port is the superuser, password or not.' >&2
}

# Version 18 moved the data. Who mounts the old place would lose what is written once the container is removed.
refuse_old_place() {
  [[ $PG_MAJOR -ge 18 && ! -s $PGDATA/PG_VERSION ]] || return 0
  local old=/var/lib/postgresql/data
  if [[ $PGDATA != "$old"* ]] && mountpoint -q "$old" || [[ -s $old/PG_VERSION ]]; then
    fail 'Error: there is a volume or an older database at /var/lib/postgresql/data,' \
      "       but from version 18 on the data is in $PGDATA." \
      '       Mount the volume at /var/lib/postgresql instead; pg_upgrade brings an older database along.'
  fi
}

make_cluster() {
  # initdb wants a name for the user that it runs as, and one given with --user may have none.
  if ! getent passwd "$(id -u)" > /dev/null; then
    NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
    echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
    echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
    export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LD_PRELOAD=libnss_wrapper.so
  fi
  # What is in the variable is a piece of command line, so that an argument in it can be quoted.
  local arguments
  eval "arguments=($POSTGRES_INITDB_ARGS)"
  [[ -z $POSTGRES_INITDB_WALDIR ]] || arguments+=(--waldir="$POSTGRES_INITDB_WALDIR")
  if [[ -n $POSTGRES_PASSWORD ]]; then
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}" "$@"
  else
    initdb --username="$POSTGRES_USER" "${arguments[@]}" "$@"
  fi
  if [[ -n $NSS_WRAPPER_PASSWD ]]; then
    rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  fi
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
}

# The server that initialises listens on its socket only, so that nobody outside meets a half-made database.
start_for_init() {
  pg_ctl --pgdata="$PGDATA" --options="${*@Q} -c listen_addresses='' -p ${PGPORT:-5432}" --wait start
}

stop_after_init() {
  pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
}

run_sql() {
  PGHOST='' PGHOSTADDR='' PGPASSWORD=$POSTGRES_PASSWORD psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}
# Scripts in /docker-entrypoint-initdb.d that are sourced know it by this name.
docker_process_sql() { run_sql "$@"; }

create_database() {
  [[ $POSTGRES_DB != postgres ]] || return 0
  local exists
  exists=$(POSTGRES_DB='' run_sql --dbname postgres --set name="$POSTGRES_DB" --tuples-only --no-align \
    <<< "SELECT 1 FROM pg_database WHERE datname = :'name';")
  [[ -n $exists ]] || POSTGRES_DB='' run_sql --dbname postgres --set name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh)
        if [[ -x $file ]]; then
          echo "$0: running $file"
          "$file"
        else
          echo "$0: sourcing $file"
          . "$file"
        fi
        ;;
      *.sql) echo "$0: running $file"; run_sql --file "$file"; echo ;;
      *.sql.gz) echo "$0: running $file"; gunzip --stdout "$file" | run_sql; echo ;;
      *) [[ ! -e $file ]] || echo "$0: ignoring $file" ;;
    esac
  done
}

[[ $1 != -* ]] || set -- postgres "$@"

if [[ $1 == postgres ]] && ! only_tells "$@"; then
  prepare_directories
  if [[ $(id -u) == 0 ]]; then
    HOME=/var/lib/postgresql exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
  fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS
    require_password
    refuse_old_place
    ls /docker-entrypoint-initdb.d > /dev/null # an unreadable directory is told before anything is made
    make_cluster
    start_for_init "${@:2}"
    create_database
    run_init_files
    stop_after_init
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
  fi
fi

exec "$@"
