-- The same number of commits, with one event each: an insert of a live row, and an update by
-- primary key. The same statement writes the event, so that it costs no round trip. Each client
-- uses its own numbers and services, so that none is refused or waits.
\set project random(1, :ranges)
\set service :client_id * 1000 + random(0, 999)
\set port 1 + :client_id * 2000 + random(0, 1999)
with held as (
  insert into baseline.allocations (project_name, service_name, service_key, port_number, status, ordinal)
  values (:project, :service, :service, :port, 'allocated', 1)
  returning *
)
insert into baseline.events (
  call, what, project_name, service_name, instance, hostname, protocol, port_number, allocation_id
)
select 'allocate_port', 'allocated', project_name, service_name, instance, hostname, protocol,
  port_number, id
from held
returning allocation_id as id \gset
with released as (
  update baseline.allocations
  set status = 'released'
  where id = :id
  returning *
)
insert into baseline.events (
  call, what, project_name, service_name, instance, hostname, protocol, port_number, allocation_id
)
select 'release_ports', 'released', project_name, service_name, instance, hostname, protocol,
  port_number, id
from released;
