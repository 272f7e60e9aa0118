-- Allocate and release: two commits. Projects and services are named by numbers, because pgbench can
-- generate no other names. Each client has services of its own.
\set project random(1, :ranges)
\set service :client_id * 1000 + random(0, 999)
select ports.allocate_port(:project, :service);
select ports.release_port(:project, :service);
