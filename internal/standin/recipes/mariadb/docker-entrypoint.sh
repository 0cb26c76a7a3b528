#!/bin/bash
# Runs the MariaDB server; in an empty data directory it makes the databases first. Any other command is run as it
# is.
set -Eeo pipefail
shopt -s nullglob

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*"; }
warn() { printf '%s [Warn] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*" >&2; }
fail() { printf '%s [ERROR] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*" >&2; exit 1; }

# from_file NAME [DEFAULT] sets NAME from the file that NAME_FILE names, where a secret is handed over as a file.
from_file() {
  local name=$1 file=$1_FILE
  [[ -z ${!name} || -z ${!file} ]] || fail "Both $name and $file are set; only one of them can be"
  if [[ -n ${!file} ]]; then
    export "$name"="$(< "${!file}")"
  else
    export "$name"="${!name:-$2}"
  fi
  unset "$file"
}

# setting NAME [DEFAULT] reads MARIADB_NAME, or else MYSQL_NAME, and gives both the same value for the scripts.
setting() {
  from_file "MYSQL_$1" "$2"
  local other=MYSQL_$1 own=MARIADB_$1
  from_file "$own" "${!other}"
  export "$other"="${!own}"
}

# A help text or a version is asked for, not a server.
only_tells() {
  local argument
  for argument; do
    case "$argument" in -'?' | --help | --print-defaults | -V | --version) return 0 ;; esac
  done
  return 1
}

# configured NAME is the server's value of an option, from its files and the arguments.
configured() {
  printf '%s\n' "$told" |
    awk -v name="$1" '/^[^ \t]/ && $1 == name && !found++ { sub(/^[^ \t]+[ \t]+/, ""); print }'
}

read_settings() {
  told=$("$@" --verbose --help 2> /dev/null) ||
    fail "the server does not take its configuration: $("$@" --verbose --help 2>&1 > /dev/null)"
  datadir=$(configured datadir)
  socket=$(configured socket)
  port=$(configured port)
  setting ROOT_HOST %
  setting DATABASE
  setting USER
  setting PASSWORD
  setting ROOT_PASSWORD
  from_file MARIADB_ROOT_PASSWORD_HASH
  from_file MARIADB_PASSWORD_HASH
  export MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-$MYSQL_ALLOW_EMPTY_PASSWORD}
  export MARIADB_RANDOM_ROOT_PASSWORD=${MARIADB_RANDOM_ROOT_PASSWORD:-$MYSQL_RANDOM_ROOT_PASSWORD}
  export MARIADB_INITDB_SKIP_TZINFO=${MARIADB_INITDB_SKIP_TZINFO:-$MYSQL_INITDB_SKIP_TZINFO}
}

prepare_directories() {
  mkdir -p "$datadir"
  if [[ $(id -u) == 0 ]]; then
    find "$datadir" \! -user mysql -exec chown mysql: '{}' +
    find "${socket%/*}" -maxdepth 0 \! -user mysql -exec chown mysql: '{}' +
  fi
}

require_password() {
  local others=$MARIADB_ROOT_PASSWORD$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD$MARIADB_RANDOM_ROOT_PASSWORD
  [[ -n $others$MARIADB_ROOT_PASSWORD_HASH ]] ||
    fail $'Database is uninitialized and password option is not specified\n\tYou need to specify one of' \
      'MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and' \
      'MARIADB_RANDOM_ROOT_PASSWORD'
  [[ -z $others || -z $MARIADB_ROOT_PASSWORD_HASH ]] ||
    fail 'MARIADB_ROOT_PASSWORD_HASH is set together with another root password option; only one of them can be'
  [[ -z $MARIADB_PASSWORD || -z $MARIADB_PASSWORD_HASH ]] ||
    fail 'MARIADB_PASSWORD and MARIADB_PASSWORD_HASH are both set; only one of them can be'
}

make_databases() {
  note 'Initializing database files'
  local argument arguments=()
  for argument; do # the installation splits arguments at blanks
    if [[ $argument == *[[:space:]]* ]]; then
      warn "not used for the installation: '$argument'"
    else
      arguments+=("$argument")
    fi
  done
  mariadb-install-db --datadir="$datadir" --auth-root-authentication-method=normal --skip-test-db \
    "${arguments[@]}" > /dev/null
  note 'Database files initialized'
}

# run_sql sends what is on standard input to the server that initialises, as root.
run_sql() {
  MYSQL_PWD=$root_password mariadb --protocol=socket --user=root --host=localhost --socket="$socket" \
    ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} "$@"
}
# Scripts in /docker-entrypoint-initdb.d that are sourced know it by this name.
docker_process_sql() { run_sql "$@"; }

# The server that initialises listens on its socket only, so that nobody outside meets half-made databases.
start_for_init() {
  note 'Starting temporary server'
  "$@" --socket="$socket" --skip-networking --skip-slave-start &
  server=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if MARIADB_DATABASE='' run_sql --database=mysql <<< 'SELECT 1' &> /dev/null; then
      note 'Temporary server started.'
      return
    fi
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  fail 'Unable to start server.'
}

stop_after_init() {
  note 'Stopping temporary server'
  kill "$server"
  wait "$server"
  note 'Temporary server stopped'
}

# quoted TEXT is a literal of SQL.
quoted() {
  local text=${1//\\/\\\\}
  text=${text//$'\n'/\\n}
  printf "'%s'" "${text//\'/\\\'}"
}

create_users() {
  if [[ -z $MARIADB_INITDB_SKIP_TZINFO ]]; then
    mariadb-tzinfo-to-sql --skip-write-binlog /usr/share/zoneinfo 2> /dev/null |
      MARIADB_DATABASE='' run_sql --database=mysql
  fi
  if [[ -n $MARIADB_RANDOM_ROOT_PASSWORD ]]; then
    MARIADB_ROOT_PASSWORD=$(head --bytes=24 /dev/urandom | base64)
    export MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD=$MARIADB_ROOT_PASSWORD
    note "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
  fi
  [[ -z $MARIADB_DATABASE ]] || note "Creating database $MARIADB_DATABASE"
  [[ -z $MARIADB_USER ]] || note "Creating user $MARIADB_USER"
  # healthcheck.sh asks as this user, who may do nothing else.
  local check account
  check=$(head --bytes=24 /dev/urandom | base64)
  (umask 0077 && printf '[mariadb-client]\nport=%s\nsocket=%s\nuser=healthcheck\npassword=%s\n' \
    "$port" "$socket" "$check" > "$datadir/.my-healthcheck.cnf")
  local identified
  if [[ -n $MARIADB_ROOT_PASSWORD_HASH ]]; then
    identified="IDENTIFIED BY PASSWORD $(quoted "$MARIADB_ROOT_PASSWORD_HASH")"
  else
    identified="IDENTIFIED BY $(quoted "$MARIADB_ROOT_PASSWORD")"
  fi
  {
    # The accounts are this server's own, and no business of those that replicate it.
    echo "SET sql_log_bin = OFF;"
    # The installation makes a root without a password for every name that this machine may have.
    echo "DELETE FROM mysql.global_priv WHERE user = 'root' AND host <> 'localhost'; FLUSH PRIVILEGES;"
    if [[ -n $MARIADB_ROOT_HOST && $MARIADB_ROOT_HOST != localhost ]]; then
      account="'root'@$(quoted "$MARIADB_ROOT_HOST")"
      echo "CREATE USER $account $identified;"
      echo "GRANT ALL ON *.* TO $account WITH GRANT OPTION;"
    fi
    for account in "healthcheck@'127.0.0.1'" "healthcheck@'::1'" "healthcheck@'localhost'"; do
      echo "CREATE USER $account IDENTIFIED BY '$check';"
    done
    # A hash is set at the end: with it nobody here would know the password that the files are run with.
    [[ -n $MARIADB_ROOT_PASSWORD_HASH ]] || echo "ALTER USER 'root'@'localhost' $identified;"
    echo "SET sql_log_bin = ON;"
    if [[ -n $MARIADB_DATABASE ]]; then
      echo "CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;"
    fi
    if [[ -n $MARIADB_USER && -n $MARIADB_PASSWORD$MARIADB_PASSWORD_HASH ]]; then
      account="$(quoted "$MARIADB_USER")@'%'"
      if [[ -n $MARIADB_PASSWORD_HASH ]]; then
        echo "CREATE USER $account IDENTIFIED BY PASSWORD $(quoted "$MARIADB_PASSWORD_HASH");"
      else
        echo "CREATE USER $account IDENTIFIED BY $(quoted "$MARIADB_PASSWORD");"
      fi
      [[ -z $MARIADB_DATABASE ]] || echo "GRANT ALL ON \`${MARIADB_DATABASE//_/\\_}\`.* TO $account;"
    fi
  } | MARIADB_DATABASE='' run_sql --database=mysql --binary-mode
  root_password=$MARIADB_ROOT_PASSWORD
}

set_root_hash() {
  [[ -n $MARIADB_ROOT_PASSWORD_HASH ]] || return 0
  run_sql --binary-mode <<< "SET sql_log_bin = OFF;
    SET PASSWORD FOR 'root'@'localhost' = $(quoted "$MARIADB_ROOT_PASSWORD_HASH");"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh)
        if [[ -x $file ]]; then
          note "$0: running $file"
          "$file"
        else
          note "$0: sourcing $file"
          . "$file"
        fi
        ;;
      *.sql) note "$0: running $file"; run_sql < "$file" ;;
      *.sql.gz) note "$0: running $file"; gunzip --stdout "$file" | run_sql ;;
      *.sql.xz) note "$0: running $file"; xz --decompress --stdout "$file" | run_sql ;;
      *.sql.zst) note "$0: running $file"; zstd --decompress --stdout "$file" | run_sql ;;
      *) warn "$0: ignoring $file" ;;
    esac
  done
}

[[ $1 != -* ]] || set -- mariadbd "$@"

if [[ $1 == mariadbd || $1 == mysqld ]] && ! only_tells "$@"; then
  note "Entrypoint script for MariaDB Server $(cat /etc/mariadb-version) started."
  read_settings "$@"
  prepare_directories
  if [[ $(id -u) == 0 ]]; then
    note "Switching to dedicated user 'mysql'"
    HOME=/var/lib/mysql exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
  fi
  if [[ ! -d $datadir/mysql ]]; then
    require_password
    ls /docker-entrypoint-initdb.d > /dev/null # an unreadable directory is told before anything is made
    root_password=''
    make_databases "${@:2}"
    start_for_init "$@"
    create_users
    run_init_files
    set_root_hash
    stop_after_init
    note 'MariaDB init process done. Ready for start up.'
  fi
  # The server itself needs no password, and what runs in the container later should not find one.
  unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_PASSWORD \
    MARIADB_ROOT_PASSWORD_HASH MARIADB_PASSWORD_HASH MARIADB_ROOT_HOST MYSQL_ROOT_HOST
fi

exec "$@"
