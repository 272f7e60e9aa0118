-- What allocate_port and release_port do to the table, and nothing else: no call of a function, no
-- lock on the service, no range to look at, no answer to whoever meets another. As fast as a pair
-- that takes the lowest free number can be.
\set project random(1, :ranges)
\set service :client_id * 1000 + random(0, 999)
update ports.port_allocations
set id = default,
  status = 'allocated',
  service_name = :service,
  ordinal = 1 + coalesce(
    (
      select held.ordinal
      from ports.port_allocations as held
      where held.project_name = :project
        and held.service_name = :service
        and held.hostname = 'localhost'
        and held.protocol = 'tcp'
        and held.status <> 'released'
      order by held.ordinal desc
      limit 1
    ),
    0
  ),
  service_type = null,
  description = null,
  cloudflare_hostname = null,
  idempotency_key = null,
  allocated_at = now(),
  last_used_at = null
where ctid = (
  select free.ctid
  from ports.port_allocations as free
  where free.project_name = :project
    and free.hostname = 'localhost'
    and free.protocol = 'tcp'
    and free.status = 'released'
  order by free.port_number
  limit 1
  for update skip locked
)
returning port_number;
update ports.port_allocations
set status = 'released'
where project_name = :project
  and service_name = :service
  and hostname = 'localhost'
  and status <> 'released';
