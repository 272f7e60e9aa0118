-- Frozen. Copies a registry that was made before the baseline into the baseline's tables. Such a
-- registry has the six migrations that the baseline replaced, or those six, `hosts` and
-- `released_numbers`. Runs in the transaction that renamed the old schema to `ports_before` and
-- applied the baseline. Keeps every number that is held, with its id, and the history of checks.
-- Free slots are offered again when they are needed.

insert into ports.projects (name, created_at)
select project_name, created_at
from ports_before.port_ranges;

insert into ports.port_ranges (project_name, start_port, end_port, description, created_at)
select project_name, start_port, end_port, description, created_at
from ports_before.port_ranges
order by start_port;

-- Some versions stored other spellings of this machine. These become `localhost`. If `localhost`
-- has the number already, the holding keeps it under a hostname that can be listed and released.
create temporary table held on commit drop as
select
  before.*,
  case
    when canonical_hostname = hostname or not exists (
      select
      from ports_before.port_allocations as other
      where other.hostname = 'localhost'
        and other.protocol = before.protocol
        and other.port_number = before.port_number
        and other.status <> 'released'
    ) and canonical_rank = 1
    then canonical_hostname
    else 'formerly-' || trim(both '-' from regexp_replace(hostname, '[.:]+', '-', 'g'))
      || '-' || id
  end as new_hostname
from (
  select
    id, project_name, service_name::text as service_name, hostname::text as hostname,
    protocol::text as protocol, port_number, status::text as status, ordinal, service_type,
    description, cloudflare_hostname, idempotency_key, allocated_at, last_used_at,
    canonical_hostname,
    row_number() over (partition by canonical_hostname, protocol, port_number order by id)
      as canonical_rank
  from ports_before.port_allocations
  cross join lateral (
    select case
      when hostname::text ~ '^127(\.|$)|^0+(\.0+)*$|^0x[0-9a-f]+$|\.localhost$|^[0:]*:[0:]*1?$|^[0:]*:ffff:(127\.|0\.|7f|0:)'
        or hostname::text !~ '^[a-z0-9_:-]([a-z0-9._:-]*[a-z0-9_:-])?$'
      then 'localhost'
      else hostname::text
    end
  ) as spelling (canonical_hostname)
  where status <> 'released'
) as before;

alter table ports.port_allocations disable trigger refuse_live_insert;

insert into ports.port_allocations (
  id, project_name, service_name, hostname, protocol, port_number, status, service_key, ordinal,
  service_type, description, cloudflare_hostname, idempotency_key, allocated_at, last_used_at
)
select
  id, project_name, service_name, new_hostname, protocol, port_number, status,
  ports.service_key(project_name, service_name, '', new_hostname),
  row_number() over (
    partition by ports.service_key(project_name, service_name, '', new_hostname)
    order by ordinal, id
  ),
  service_type, description, cloudflare_hostname,
  case
    when row_number() over (
      partition by
        ports.service_key(project_name, service_name, '', new_hostname), protocol, idempotency_key
      order by ordinal, id
    ) = 1
    then idempotency_key
  end,
  allocated_at, last_used_at
from held;

alter table ports.port_allocations enable trigger refuse_live_insert;

insert into ports.port_health_checks (id, allocation_id, verdict, checked_at)
select id, allocation_id, verdict, checked_at
from ports_before.port_health_checks;

-- No id is given to a second holding.
select
  setval(
    'ports.port_allocations_id_seq',
    nextval(pg_get_serial_sequence('ports_before.port_allocations', 'id'))
  ),
  setval(
    'ports.port_health_checks_id_seq',
    nextval(pg_get_serial_sequence('ports_before.port_health_checks', 'id'))
  );

do $$
declare
  v_function regprocedure;
begin
  -- The last release had no table of hosts.
  if to_regclass('ports_before.hosts') is not null then
    insert into ports.hosts (hostname, network, seen_at)
    select hostname, network, seen_at
    from ports_before.hosts;
    drop table ports_before.hosts;
  end if;

  -- Dropped one by one and not with `cascade`, which would also drop what others have built on
  -- them. The functions that return rows depend on the tables, and the tables' triggers depend on
  -- the other functions.
  for v_function in
    select oid::regprocedure
    from pg_proc
    where pronamespace = 'ports_before'::regnamespace
      and prorettype <> 'trigger'::regtype
  loop
    execute format('drop function %s', v_function);
  end loop;
  drop table
    ports_before.port_health_checks,
    ports_before.port_allocations,
    ports_before.port_ranges,
    ports_before._prisma_migrations;
  for v_function in
    select oid::regprocedure
    from pg_proc
    where pronamespace = 'ports_before'::regnamespace
  loop
    execute format('drop function %s', v_function);
  end loop;
  drop domain
    ports_before.service_name,
    ports_before.hostname,
    ports_before.protocol,
    ports_before.allocation_status;
  drop schema ports_before;
end
$$;
