#!/bin/sh
# A database for each service, and a user who may enter that one only.
set -eu

for service in customer payment admin; do
    psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" \
        --set=name="paybridge_$service" --set=password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
