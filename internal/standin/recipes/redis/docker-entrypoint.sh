#!/bin/bash
# Runs redis-server, or any other command, as the user redis when started as root.
set -e

case "$1" in
  -* | *.conf) set -- redis-server "$@" ;;
esac

if [[ $1 == redis-server ]]; then
  if [[ $(id -u) == 0 ]]; then
    find . \! -user redis -exec chown redis '{}' +
    HOME=/data exec setpriv --reuid redis --regid redis --init-groups "$0" "$@"
  fi
  # The data is nobody else's to read, unless another mask was asked for.
  [[ $(umask) != 0022 ]] || umask 0077

  # In a container the published port is the protection: without this only the container itself could connect.
  # Whoever says otherwise, as an option or in the configuration file, is not overruled.
  case " $* " in
    *' --protected-mode '* | *' --version '* | *' -v '* | *' --help '* | *' -h '*) ;;
    *' --test-memory '* | *' --check-system '*) ;;
    *) { [[ -f $2 ]] && grep -qi '^[[:space:]]*protected-mode[[:space:]]' "$2"; } || set -- "$@" --protected-mode no ;;
  esac
fi

exec "$@"
