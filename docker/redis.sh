#!/bin/sh
# purpose: Redis with a password that stands on no command line
# reads:   REDIS_PASSWORD
# writes:  /tmp/redis.conf, inside the container
# run by:  the service redis
set -eu
: "${REDIS_PASSWORD:?Set REDIS_PASSWORD in .env}"

umask 077
cat > /tmp/redis.conf <<EOF
dir /data
appendonly yes
requirepass ${REDIS_PASSWORD}
EOF
exec redis-server /tmp/redis.conf
