-- The registry's role is no superuser. It owns a database of its own.
\set password `printenv PORTS_PASSWORD`
create role ports login password :'password';
create database ports owner ports;
