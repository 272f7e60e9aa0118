-- The registry's role is no superuser. It owns a database of its own.
-- A statement that fails would be logged with the password.
set log_min_error_statement = panic;
\set password `printenv PORTS_PASSWORD`
create role ports login password :'password';
create database ports owner ports;
