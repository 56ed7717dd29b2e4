#!/bin/sh
# A database for each service, and a user who may enter that one only.
set -eu

database_of() {
    psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" \
        --set=name="paybridge_$1" --set=password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

database_of customer "$CUSTOMER_DB_PASSWORD"
database_of payment "$PAYMENT_DB_PASSWORD"
database_of admin "$ADMIN_DB_PASSWORD"
