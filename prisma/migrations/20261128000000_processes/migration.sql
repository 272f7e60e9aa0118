-- Records the process that runs a service, and the processes that audits see.

create table ports.port_processes (
  allocation_id bigint not null,
  pid integer not null,
  -- The boot of the host and the time of the start, which tell a pid that was given again.
  started varchar(80) collate "C" not null,
  directory varchar(600) collate "C",
  command varchar(200),
  recorded_at timestamptz(6) not null default now(),
  constraint port_processes_pkey primary key (allocation_id),
  constraint port_processes_pid_check check (pid > 0),
  constraint port_processes_directory_check check (directory ~ '^/')
);

alter table ports.port_health_checks add column process jsonb;

create view ports.processes as
select
  process.allocation_id,
  allocation.project_name,
  allocation.service_name,
  allocation.instance,
  allocation.hostname,
  process.pid,
  process.started::text as started,
  process.directory::text as directory,
  process.command::text as command,
  process.recorded_at
from ports.port_processes as process
join ports.allocations as allocation on allocation.id = process.allocation_id;

create or replace view ports.health_checks as
select id, allocation_id, verdict::text as verdict, checked_at, process
from ports.port_health_checks;

create function ports.record_process(
  p_allocation_id bigint,
  p_pid integer,
  p_started text,
  p_directory text,
  p_command text
)
returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Records the process that serves an allocation, in place of the one recorded before. False if the
  -- holding has ended. Forgets the processes of other holdings that have ended.
  --
  -- Locks the row of the process. Raises 55P03, and above READ COMMITTED 40001. Cost: two rows, and a
  -- look at each allocation with a process.
begin
  delete from ports.port_processes
  where allocation_id in (
    select process.allocation_id
    from ports.port_processes as process
    where process.allocation_id <> p_allocation_id
      and not exists (
        select
        from ports.port_allocations
        where id = process.allocation_id
          and status <> 'released'
      )
    -- Another caller may be deleting them.
    for update skip locked
  );

  insert into ports.port_processes as process (allocation_id, pid, started, directory, command)
  select id, p_pid, p_started, p_directory, p_command
  from ports.allocations
  where id = p_allocation_id
  on conflict (allocation_id) do update
  set pid = excluded.pid,
    started = excluded.started,
    directory = excluded.directory,
    command = excluded.command,
    recorded_at = excluded.recorded_at;
  return found;
end
$$;

drop function ports.record_health_checks(bigint[], text[]);

create function ports.record_health_checks(
  p_allocation_ids bigint[],
  p_verdicts text[],
  p_processes jsonb[] default null
)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Stores the checks of an audit and keeps the newest 100 of each allocation, each with the process
  -- that was seen, which may be null. Sets status and last use from `listening` and `not-listening`;
  -- `unknown` leaves them. Drops checks of allocations that were released meanwhile, and deletes all
  -- checks of holdings that have ended.
  --
  -- Locks the allocations checked, in the order of (host, protocol, number). Raises 55P03. Cost:
  -- for each allocation checked, three rows and a walk over its newest 101 checks; for each other
  -- one that has checks, two lookups.
declare
  v_live bigint[];
begin
  v_live := array(
    select id
    from ports.port_allocations
    where id = any (p_allocation_ids)
      and status <> 'released'
      and (ends_at is null or ends_at > now())
    order by hostname, protocol, port_number
    for update
  );

  insert into ports.port_health_checks (allocation_id, verdict, process)
  select allocation_id, verdict, process
  from unnest(p_allocation_ids, p_verdicts, p_processes) as seen (allocation_id, verdict, process)
  join unnest(v_live) as live_id on live_id = allocation_id;

  -- Joins, because "= any (array)" is hashed only if the array is known when the plan is made.
  update ports.port_allocations as checked
  set status = case seen.verdict when 'listening' then 'in_use' else 'allocated' end,
    last_used_at = case seen.verdict when 'listening' then now() else checked.last_used_at end
  from unnest(p_allocation_ids, p_verdicts) as seen (allocation_id, verdict)
  join unnest(v_live) as live_id on live_id = allocation_id
  where checked.id = live_id
    and (seen.verdict = 'listening' or (seen.verdict = 'not-listening' and status = 'in_use'));

  delete from ports.port_health_checks as outdated
  using unnest(v_live) as live_id
  where outdated.allocation_id = live_id
    and outdated.id <= (
      select id
      from ports.port_health_checks
      where allocation_id = live_id
      order by id desc
      offset 100
      limit 1
    );

  -- One index lookup for each allocation with checks, not one for each check.
  with recursive checked (allocation_id) as (
    select min(allocation_id)
    from ports.port_health_checks
    union all
    select (
      select min(allocation_id)
      from ports.port_health_checks
      where allocation_id > checked.allocation_id
    )
    from checked
    where checked.allocation_id is not null
  )
  delete from ports.port_health_checks
  where allocation_id in (
    select allocation_id
    from checked
    where not exists (
      select
      from ports.port_allocations
      where id = checked.allocation_id
        and status <> 'released'
    )
  );
end
$$;

revoke all on all functions in schema ports from public;
