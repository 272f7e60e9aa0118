-- The writes of allocate_port and release_port and nothing else: no function call, no
-- subtransaction, no offering of numbers, no handling of conflicts. A pair that takes the lowest
-- free number and writes its events cannot be faster.
\set project random(1, :ranges)
\set service :client_id * 1000 + random(0, 999)
with held as (
  update ports.port_allocations as slot
  set id = default,
    status = 'allocated',
    service_key = :service,
    service_name = :service,
    instance = '',
    ordinal = 1 + coalesce(
      (
        select newest.ordinal
        from ports.port_allocations as newest
        where newest.service_key = :service
          and newest.protocol = slot.protocol
          and newest.status <> 'released'
        order by newest.ordinal desc
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
  returning *
)
insert into ports.port_events (
  call, what, project_name, service_name, instance, hostname, protocol, port_number, allocation_id
)
select 'allocate_port', 'allocated', project_name, service_name, instance, hostname, protocol,
  port_number, id
from held
returning port_number;
with released as (
  update ports.port_allocations
  set status = 'released'
  where service_key = :service
    and project_name = :project
    and service_name = :service
    and instance = ''
    and hostname = 'localhost'
    and status <> 'released'
  returning *
)
insert into ports.port_events (
  call, what, project_name, service_name, instance, hostname, protocol, port_number, allocation_id
)
select 'release_ports', 'released', project_name, service_name, instance, hostname, protocol,
  port_number, id
from released;
