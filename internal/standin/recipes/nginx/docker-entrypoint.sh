#!/bin/sh
# Before nginx is started, the scripts in /docker-entrypoint.d run in the order of their names; those that end in .envsh
# run in this shell, so that they can set variables for the others.
set -e

say() { [ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$@"; }

if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
  for script in /docker-entrypoint.d/*; do
    [ -x "$script" ] || continue
    case "$script" in
      *.envsh) say "$0: Sourcing $script"; . "$script" ;;
      *.sh) say "$0: Launching $script"; "$script" ;;
    esac
  done
  say "$0: Configuration complete; ready for start up"
fi
exec "$@"
