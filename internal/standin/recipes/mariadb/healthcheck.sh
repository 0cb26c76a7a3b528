#!/bin/bash
# Tells whether the server is as far as each argument asks for; for HEALTHCHECK and the like.
set -eo pipefail

[[ $# -gt 0 ]] || { echo 'healthcheck.sh: no test is named' >&2; exit 1; }

ask() {
  mariadb --defaults-extra-file="${MYSQL_DATADIR:-/var/lib/mysql}/.my-healthcheck.cnf" --skip-column-names --batch "$@"
}

for argument; do
  case "$argument" in
    # The server that initialises doesn't listen on the network.
    --connect) ask --host=127.0.0.1 --protocol=tcp --execute 'SELECT 1' > /dev/null ;;
    --innodb_initialized)
      [[ $(ask --protocol=socket --execute \
        "SELECT 1 FROM information_schema.ENGINES WHERE engine = 'innodb' AND support IN ('YES', 'DEFAULT')") == 1 ]]
      ;;
    *) echo "healthcheck.sh: the stand-in does not know the test $argument" >&2; exit 1 ;;
  esac
done
