-- Lets a released number rest, and lets an allocation end unless it is renewed. Nothing runs in the
-- background: a call that wants a number ends first what has run out.

alter table ports.projects
  -- For how long a released number is given only to the service that held it last.
  add column rest_seconds integer not null default 0,
  add constraint projects_rest_check check (rest_seconds between 0 and 31536000);

alter table ports.port_allocations
  -- When the lease of a live row or the rest of a free row ends. Null: no lease, no rest.
  add column ends_at timestamptz(6);

drop index ports.port_allocations_free;

create index port_allocations_free
  on ports.port_allocations (project_name, hostname, protocol, port_number)
  where status = 'released' and ends_at is null;

create index port_allocations_resting
  on ports.port_allocations (project_name, hostname, protocol, port_number)
  where status = 'released' and ends_at is not null;

create index port_allocations_last_holder
  on ports.port_allocations (service_key, protocol, port_number)
  where status = 'released' and ends_at is not null;

create index port_allocations_ending
  on ports.port_allocations (project_name, hostname, protocol, ends_at)
  where ends_at is not null;

-- The numbers that anybody may take.
create or replace view ports.available_slots as
select ctid as slot, project_name, hostname, protocol, port_number
from ports.port_allocations
where status = 'released'
  and ends_at is null;

-- The slots of numbers that nobody holds, also those that rest. In two parts, one for each index.
create view ports.free_slots as
select ctid as slot, id, project_name, hostname, protocol, port_number
from ports.port_allocations
where status = 'released'
  and ends_at is null
union all
select ctid, id, project_name, hostname, protocol, port_number
from ports.port_allocations
where status = 'released'
  and ends_at is not null;

create view ports.rests as
select name::text as project_name, make_interval(secs => rest_seconds) as rest
from ports.projects
where rest_seconds > 0;

-- The rows that end. A lease that has ended still has a live row until expire() releases it.
-- `free_at` is when anybody may have the number, unless the lease is renewed.
create view ports.ending_slots as
select
  slot.project_name,
  slot.service_name,
  slot.instance,
  slot.hostname,
  slot.protocol,
  slot.port_number,
  slot.service_key,
  slot.ordinal,
  slot.id,
  slot.status,
  slot.ends_at,
  case
    when slot.status = 'released' then slot.ends_at
    else slot.ends_at + make_interval(secs => project.rest_seconds)
  end as free_at
from ports.port_allocations as slot
join ports.projects as project on project.name = slot.project_name
where slot.ends_at is not null;

create or replace view ports.allocations as
select
  id,
  project_name::text as project_name,
  service_name::text as service_name,
  instance::text as instance,
  hostname::text as hostname,
  protocol::text as protocol,
  port_number,
  status::text as status,
  service_key,
  ordinal,
  service_type::text as service_type,
  description::text as description,
  cloudflare_hostname::text as cloudflare_hostname,
  allocated_at,
  last_used_at,
  ends_at as lease_ends_at
from ports.port_allocations
where status <> 'released'
  and (ends_at is null or ends_at > now());

create function ports.expire(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_avoid int4multirange default '{}',
  p_service_keys bigint[] default '{}',
  p_port_number integer default null
) returns void
language plpgsql
as $$
  -- Ends what has run out in the scope, or in all scopes of the project if the host is null, by the
  -- clock of the server. If services or a number are given, ends only what has run out of these. A
  -- lease that has ended becomes a released row, which may rest, and an event that is dated at its
  -- end. A rest that is over makes the number available, but goes on for a minute if the number is to
  -- be avoided, because something may listen there. Called by functions whose search path is fixed.
  --
  -- Locks the project, then rows. Waits for those of given services and numbers, in the order of
  -- (host, protocol, number). Skips others that somebody has locked. The caller must not wait for a
  -- row after that: a release or an audit may have locked it, and wait for a row that this ended.
  -- Raises 55P03. Cost: the rows that have run out.
declare
  v_now timestamptz := clock_timestamp();
  v_is_limited boolean := p_port_number is not null or cardinality(p_service_keys) > 0;
  v_rest interval;
begin
  update ports.projects
  set settings = settings
  where name = p_project_name
  returning make_interval(secs => rest_seconds)
  into v_rest;
  perform
  from ports.port_allocations
  where project_name = p_project_name
    and hostname = p_hostname
    and protocol = p_protocol
    and ends_at <= v_now
    and (service_key = any (p_service_keys) or port_number = p_port_number)
  order by hostname, protocol, port_number
  for update;

  with overdue as materialized (
    select ctid as slot, status, ends_at
    from ports.port_allocations
    where project_name = p_project_name
      and (p_hostname is null or (hostname = p_hostname and protocol = p_protocol))
      and ends_at <= v_now
      and (
        not v_is_limited
        or service_key = any (p_service_keys)
        or port_number = p_port_number
      )
    order by hostname, protocol, port_number
    for update skip locked
  ), ended as (
    update ports.port_allocations as slot
    set status = 'released',
      ends_at = case
        when overdue.status = 'released' and port_number <@ p_avoid then v_now + interval '1 minute'
        when overdue.status <> 'released' and overdue.ends_at + v_rest > v_now
          then overdue.ends_at + v_rest
      end
    from overdue
    where slot.ctid = overdue.slot
    returning slot.*, overdue.status as status_before, overdue.ends_at as ended_at
  )
  insert into ports.port_events (
    occurred_at, call, what, project_name, service_name, instance, hostname, protocol, port_number,
    allocation_id
  )
  select
    ended_at, 'expire', 'lease-ended', project_name, service_name, instance, hostname, protocol,
    port_number, id
  from ended
  where status_before <> 'released'
  order by ended_at, hostname, protocol, port_number;
end
$$;

create function ports.refuse_length(p_ttl integer) returns void
language plpgsql
as $$
  -- Raises 22023: a lease would have ended before the service has it.
begin
  raise exception 'a lease lasts a second or more, not % seconds', p_ttl
    using
      errcode = 'invalid_parameter_value',
      detail = json_build_object('field', 'ttlSeconds')::text;
end
$$;

create function ports.refuse_durable(p_held ports.port_allocations, p_ttl integer) returns void
language plpgsql
as $$
  -- A port that is held until it is released does not become one with a lease. Raises 22023 if it is
  -- such a port and a lease is asked for.
begin
  if p_ttl is not null and p_held.id is not null and p_held.ends_at is null then
    raise exception '% of % holds port % without a lease',
      p_held.service_name, p_held.project_name, p_held.port_number
      using
        errcode = 'invalid_parameter_value',
        detail = json_build_object('field', 'ttlSeconds')::text;
  end if;
end
$$;

create function ports.refuse_lost(
  p_project_name text,
  p_service_name text,
  p_instance text,
  p_hostname text,
  p_allocation_id bigint
) returns void
language plpgsql
as $$
  -- Raises ZP001, and ZP012: the holding has ended, or the service has no lease there. Called by
  -- functions whose search path is fixed. Locks nothing.
begin
  perform ports.refuse_unknown_project(p_project_name);
  raise exception '% of % does not hold that any more', p_service_name, p_project_name
    using
      errcode = 'ZP012',
      detail = json_build_object(
        'projectName', p_project_name,
        'serviceName', p_service_name,
        'instance', p_instance,
        'hostname', p_hostname,
        'allocationId', p_allocation_id::text
      )::text;
end
$$;

create function ports.renew_ports(
  p_project_name text,
  p_service_name text,
  p_ttl integer,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_allocation_id bigint default null
) returns setof ports.port_allocations
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Lets the leases of a service on a host, narrowed by protocol, number and id if they are given, end
  -- p_ttl seconds from now. Returns them. A lease that has ended is not renewed: it is that or
  -- expire() that finds the row first.
  --
  -- Locks the rows in the order of (host, protocol, number). Raises ZP001, ZP012 (there is no such
  -- lease any more), 22023 (the service holds such ports, but none with a lease, or p_ttl is not positive), 55P03. Cost: the
  -- rows. There is no event, as services renew all the time.
declare
  v_ids bigint[];
  v_held ports.port_allocations;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  if p_ttl < 1 then
    perform ports.refuse_length(p_ttl);
  end if;
  v_ids := ports.held_slots(
    p_project_name, p_service_name, p_instance, p_hostname, p_protocol, p_port_number
  );
  perform
  from ports.port_allocations
  where id = any (v_ids)
    and service_key = ports.service_key(p_project_name, p_service_name, p_instance, p_hostname)
    and (p_allocation_id is null or id = p_allocation_id)
    and status <> 'released'
  order by hostname, protocol, port_number
  for update;
  return query
  update ports.port_allocations
  set ends_at = clock_timestamp() + make_interval(secs => p_ttl)
  where id = any (v_ids)
    and service_key = ports.service_key(p_project_name, p_service_name, p_instance, p_hostname)
    and (p_allocation_id is null or id = p_allocation_id)
    and status <> 'released'
    and ends_at > clock_timestamp()
  returning *;
  if found then
    return;
  end if;
  select *
  into v_held
  from ports.port_allocations
  where id = any (v_ids)
    and service_key = ports.service_key(p_project_name, p_service_name, p_instance, p_hostname)
    and (p_allocation_id is null or id = p_allocation_id)
    and status <> 'released'
    and ends_at is null
  order by ordinal
  limit 1;
  perform ports.refuse_durable(v_held, p_ttl);
  perform ports.refuse_lost(
    p_project_name, p_service_name, p_instance, p_hostname, p_allocation_id
  );
end
$$;

create function ports.set_rest(
  p_project_name text,
  p_seconds integer,
  p_actor text default null
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Sets for how long a released number of the project is given only to the service that held it last.
  -- Numbers that rest already end their rest as if it had begun with the new length. Returns the
  -- length before.
  --
  -- Locks the project, then the slots that rest. Raises ZP001, 23514 (not 0 to 31536000), 55P03. Cost:
  -- the slots that rest.
declare
  v_before integer;
begin
  select rest_seconds
  into v_before
  from ports.projects
  where name = p_project_name
  for no key update;
  if not found then
    perform ports.refuse_unknown_project(p_project_name);
  end if;
  -- A lease that has ended begins its rest with the length that applied then.
  perform ports.expire(p_project_name, null, null);
  update ports.projects
  set rest_seconds = p_seconds
  where name = p_project_name;
  if v_before = p_seconds then
    return v_before;
  end if;
  with resting as materialized (
    select ctid as slot
    from ports.port_allocations
    where project_name = p_project_name
      and status = 'released'
      and ends_at is not null
    order by hostname, protocol, port_number
    for update
  )
  update ports.port_allocations as slot
  set ends_at = slot.ends_at + make_interval(secs => p_seconds - v_before)
  from resting
  where slot.ctid = resting.slot;
  insert into ports.port_events (actor, call, what, project_name, before, after)
  values (
    p_actor, 'set_rest', 'rest-changed', p_project_name,
    jsonb_build_object('restSeconds', v_before), jsonb_build_object('restSeconds', p_seconds)
  );
  return v_before;
end
$$;

create or replace function ports.numbers_to_offer(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_limit integer
) returns setof integer
language sql stable
begin atomic
  -- Returns the lowest numbers at or above the scope's cursor that nobody holds and that do not rest.
  -- Locks nothing. Cost: the ranges, the numbers returned, and the rows above the cursor that are live
  -- or rest.
  select number
  from ports.ranges_in(p_project_name, p_hostname) as range
  cross join lateral (
    select greatest(
      range.start_port,
      (
        select next_port
        from ports.port_cursors
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
      )
    ) as first_port
  ) as unoffered
  cross join lateral (
    select (
      select count(*)
      from ports.port_allocations
      where hostname = p_hostname
        and protocol = p_protocol
        and port_number between first_port and end_port
        and status in ('allocated', 'in_use')
    ) + (
      select count(*)
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number between first_port and end_port
        and status = 'released'
        and ends_at is not null
    ) as ports
  ) as taken
  cross join lateral generate_series(
    first_port, least(end_port, first_port + p_limit + taken.ports::integer - 1)
  ) as number
  where not exists (
    select
    from ports.port_allocations as live
    where live.hostname = p_hostname
      and live.protocol = p_protocol
      and live.port_number = number
      and live.status in ('allocated', 'in_use')
  )
  and not exists (
    select
    from ports.port_allocations as resting
    where resting.project_name = p_project_name
      and resting.hostname = p_hostname
      and resting.protocol = p_protocol
      and resting.port_number = number
      and resting.status = 'released'
      and resting.ends_at is not null
  )
  order by number
  limit p_limit;
end;

create or replace function ports.offer_ports(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_seen_next_port integer
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
  -- Inserts free slots for the scope's next numbers: 8 at first, then as many as were offered
  -- before, at most 128 at a time. Does nothing if the cursor is not where the caller saw it,
  -- because then another transaction has offered numbers since.
  --
  -- Locks the project's row until commit. It updates the row, because at REPEATABLE READ only an
  -- updated row makes a concurrent change of the ranges fail. Raises ZP001. Cost: the rows offered.
declare
  v_next_port integer;
  v_limit integer;
begin
  update ports.projects
  set settings = settings
  where name = p_project_name;
  if not found then
    perform ports.refuse_unknown_project(p_project_name);
  end if;

  select next_port
  into v_next_port
  from ports.port_cursors
  where project_name = p_project_name
    and hostname = p_hostname
    and protocol = p_protocol;
  if v_next_port is distinct from p_seen_next_port then
    return;
  end if;
  if v_next_port is null then
    perform ports.collect_idle_slots(p_project_name);
  end if;

  v_limit := least(128, greatest(8, v_next_port - (
    select min(start_port)
    from ports.ranges_in(p_project_name, p_hostname)
  )));
  -- One statement has one snapshot. With two, a number whose slot is free in the first could be
  -- held in the second, and would get another slot.
  with numbers as materialized (
    select number
    from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, v_limit) as number
  ), offered as (
    insert into ports.port_allocations (project_name, hostname, protocol, port_number)
    select p_project_name, p_hostname, p_protocol, number
    from numbers
    where not exists (
      select
      from ports.free_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = number
    )
  )
  insert into ports.port_cursors (project_name, hostname, protocol, next_port)
  select p_project_name, p_hostname, p_protocol, max(number) + 1
  from numbers
  having count(*) > 0
  on conflict (project_name, hostname, protocol) do update
  set next_port = excluded.next_port;
end
$$;

create or replace function ports.collect_idle_slots(p_project_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
  -- Deletes the free slots of scopes in which the project holds nothing and no number rests. Each scope that is new to
  -- a project causes up to four others to be examined, so that the rows of short-lived host names
  -- do not pile up.
  --
  -- Locks the slots that it deletes, and skips those that others are taking. The caller has locked
  -- the project's row. Cost: four scopes.
declare
  v_scope record;
begin
  for v_scope in
    select hostname, protocol
    from ports.port_cursors
    where project_name = p_project_name
    order by examined_at
    limit 4
  loop
    perform ports.expire(p_project_name, v_scope.hostname, v_scope.protocol);
    if exists (
      select
      from ports.ranges_in(p_project_name, v_scope.hostname) as range
      join ports.port_allocations as held
        on held.hostname = v_scope.hostname
        and held.protocol = v_scope.protocol
        and held.port_number between range.start_port and range.end_port
      where held.status in ('allocated', 'in_use')
    ) or exists (
      select
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = v_scope.hostname
        and protocol = v_scope.protocol
        and ends_at is not null
    ) then
      update ports.port_cursors
      set examined_at = clock_timestamp()
      where project_name = p_project_name
        and hostname = v_scope.hostname
        and protocol = v_scope.protocol;
      continue;
    end if;

    delete from ports.port_allocations
    where ctid = any (array(
      select slot
      from ports.available_slots
      where project_name = p_project_name
        and hostname = v_scope.hostname
        and protocol = v_scope.protocol
      for update skip locked
    ));
    delete from ports.port_cursors
    where project_name = p_project_name
      and hostname = v_scope.hostname
      and protocol = v_scope.protocol;
  end loop;
end
$$;

create or replace function ports.clear_outside(p_project_name text) returns void
language plpgsql
as $$
  -- Deletes a project's free slots outside its ranges, also those that rest. Called by functions whose search path is
  -- fixed and which have locked the ranges and the project.
  --
  -- Locks those slots. Raises ZP006 if a number outside is held, with the first ten holders and
  -- their count; 55P03 if others keep the slots locked. Cost: the rows outside.
declare
  v_holders json;
  v_count bigint;
  v_is_ending boolean;
  v_misses integer := 0;
begin
  loop
    perform ports.expire(p_project_name, null, null);
    delete from ports.port_allocations
    where ctid = any (array(
      select slot
      from ports.free_slots as outside
      where project_name = p_project_name
        and not exists (
          select
          from ports.ranges_in(outside.project_name, outside.hostname) as range
          where outside.port_number between range.start_port and range.end_port
        )
    ))
    and status = 'released';

    with outside as (
      select service_name, instance, port_number, hostname, protocol, ends_at
      from ports.port_allocations as held
      where service_key between ports.project_key(p_project_name)
          and ports.project_key(p_project_name) + 4294967295
        and project_name = p_project_name
        and status <> 'released'
        and not exists (
          select
          from ports.ranges_in(held.project_name, held.hostname) as range
          where held.port_number between range.start_port and range.end_port
        )
    ), first_ten as (
      select *
      from outside
      order by port_number, hostname, protocol
      limit 10
    )
    select
      (select count(*) from outside),
      (select coalesce(bool_or(ends_at <= clock_timestamp()), false) from outside),
      (
        select json_agg(json_build_object(
          'serviceName', service_name,
          'instance', instance,
          'portNumber', port_number,
          'hostname', hostname,
          'protocol', protocol
        ))
        from first_ten
      )
    into v_count, v_is_ending, v_holders;
    if v_is_ending then
      -- Others have locked a row whose lease has ended. Waiting for them could deadlock.
      v_misses := v_misses + 1;
      if v_misses > 500 then
        raise exception 'ports of % whose leases have ended stay locked by others', p_project_name
          using errcode = 'lock_not_available';
      end if;
      perform pg_sleep(0.002);
      continue;
    end if;
    if v_count > 0 then
      raise exception 'the numbers of % are in use: % live allocations stand in the way',
        p_project_name, v_count
        using
          errcode = 'ZP006',
          detail = json_build_object(
            'projectName', p_project_name,
            'count', v_count,
            'allocations', v_holders
          )::text;
    end if;

    -- A row that was live for the first statement may have been released before the second.
    exit when not exists (
      select
      from ports.free_slots as outside
      where project_name = p_project_name
        and not exists (
          select
          from ports.ranges_in(outside.project_name, outside.hostname) as range
          where outside.port_number between range.start_port and range.end_port
        )
    );
  end loop;
end
$$;

create or replace function ports.refuse_rows_outside() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  -- Inserted rows must lie in their project's ranges and be the only rows of their numbers. Locks
  -- the projects by name, as a change of a range does. Raises ZP004, 23505. Cost: the rows inserted.
  -- The setting keeps the planner from comparing all of them with all ranges and all numbers.
declare
  v_stray record;
begin
  for v_stray in
    select distinct project_name
    from inserted
    order by project_name
  loop
    update ports.projects
    set settings = settings
    where name = v_stray.project_name;
  end loop;

  select project_name, port_number
  into v_stray
  from inserted
  where not ports.owns_number(project_name, hostname, port_number)
  limit 1;
  if found then
    raise exception 'port % lies outside the ranges of %', v_stray.port_number, v_stray.project_name
      using
        errcode = 'ZP004',
        detail = json_build_object(
          'portNumber', v_stray.port_number,
          'projectName', v_stray.project_name
        )::text;
  end if;

  -- The conditions on the status are those of the indexes of free and of live rows. With a limit
  -- the planner looks into them once for each row.
  select inserted.project_name, inserted.port_number
  into v_stray
  from inserted
  cross join lateral (
    (
      select
      from ports.free_slots as free
      where free.project_name = inserted.project_name
        and free.hostname = inserted.hostname
        and free.protocol = inserted.protocol
        and free.port_number = inserted.port_number
        and free.id <> inserted.id
      limit 1
    )
    union all
    (
      select
      from ports.port_allocations as held
      where held.project_name = inserted.project_name
        and held.hostname = inserted.hostname
        and held.protocol = inserted.protocol
        and held.port_number = inserted.port_number
        and held.status in ('allocated', 'in_use')
        and held.id <> inserted.id
      limit 1
    )
  ) as other
  limit 1;
  if found then
    raise exception 'port % of % has a row already', v_stray.port_number, v_stray.project_name
      using errcode = 'unique_violation';
  end if;
  return null;
end
$$;

create or replace function ports.count_available(
  p_project_name text,
  p_hostname text,
  p_protocol text
) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns how many numbers of the project nobody holds in the scope. Locks nothing. Cost: the ranges
  -- and the live rows in them.
  select coalesce(sum(
    end_port - start_port + 1 - (
      select count(*)
      from ports.port_allocations
      where hostname = lower(p_hostname)
        and protocol = p_protocol
        and port_number between start_port and end_port
        and status in ('allocated', 'in_use')
        and (ends_at is null or ends_at > now())
    )
  ), 0)::integer
  from ports.ranges_in(p_project_name, lower(p_hostname));
end;

drop function ports.count_withheld(text, text, text, int4multirange);

create function ports.count_withheld(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_avoid int4multirange,
  out reserved integer,
  out resting integer,
  out unusable integer,
  out withheld integer
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns how many of the available numbers of the project are reserved in the scope, how many rest,
  -- how many are to be avoided, and how many are any of these. Locks nothing. Cost: the ranges, the
  -- reservations, the rows that end, and the live rows among these numbers.
  with owned as (
    select range_agg(int4range(start_port, end_port + 1)) as numbers
    from ports.ranges_in(p_project_name, lower(p_hostname))
  ), resting as (
    select coalesce(range_agg(int4range(port_number, port_number + 1)), '{}') as numbers
    from ports.ending_slots
    where project_name = p_project_name
      and hostname = lower(p_hostname)
      and protocol = p_protocol
      and free_at > now()
      and (status = 'released' or ends_at <= now())
  ), kind (nth, numbers) as (
    select nth, owned.numbers * kind.numbers
    from owned
    cross join resting
    cross join ports.reserved_numbers(lower(p_hostname), p_protocol) as reserved
    cross join lateral (
      values
        (1, reserved),
        (2, resting.numbers),
        (3, coalesce(p_avoid, '{}')),
        (4, reserved + resting.numbers + coalesce(p_avoid, '{}'))
    ) as kind (nth, numbers)
  ), counted as (
    select nth, coalesce(sum(upper(block) - lower(block) - (
      select count(*)
      from ports.port_allocations
      where hostname = lower(p_hostname)
        and protocol = p_protocol
        and port_number >= lower(block)
        and port_number < upper(block)
        and status in ('allocated', 'in_use')
        and (ends_at is null or ends_at > now())
    )), 0)::integer as ports
    from kind
    cross join lateral unnest(numbers) as block
    group by nth
  )
  select
    coalesce(max(ports) filter (where nth = 1), 0),
    coalesce(max(ports) filter (where nth = 2), 0),
    coalesce(max(ports) filter (where nth = 3), 0),
    coalesce(max(ports) filter (where nth = 4), 0)
  from counted;
end;

create or replace function ports.find_available_port(
  p_project_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp'
) returns integer
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Returns the number that allocate_port() would give now, or null if none is available. Reserves
  -- nothing. Locks nothing. Raises ZP001. Cost: a few lookups, the rows that have run out, and the numbers
  -- if some are reserved.
declare
  v_port integer;
  v_unreserved int4multirange;
begin
  perform ports.refuse_unknown_project(p_project_name);
  p_hostname := lower(p_hostname);
  v_unreserved := ports.unreserved_numbers(p_project_name, p_hostname, p_protocol);
  select min(port_number)
  into v_port
  from (
    (
      -- The blocks come in their order, so the search ends at the first that has a slot.
      select port_number
      from unnest(v_unreserved) as block
      cross join lateral (
        select port_number
        from ports.available_slots
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
          and port_number >= lower(block)
          and port_number < upper(block)
        order by port_number
        limit 1
      ) as slot
      limit 1
    )
    union all
    (
      select number
      from ports.numbers_to_offer(
        p_project_name, p_hostname, p_protocol,
        case when v_unreserved = '{[1,65536)}' then 1 else 65535 end
      ) as number
      where number <@ v_unreserved
      limit 1
    )
    union all
    (
      -- What has run out, but was not ended yet.
      select port_number
      from ports.ending_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and ends_at <= now()
        and free_at <= now()
        and port_number <@ v_unreserved
    )
  ) as candidate (port_number);
  return v_port;
end
$$;

create function ports.first_free_at(p_project_name text, p_hostname text, p_protocol text)
returns timestamptz
language sql stable
begin atomic
  -- Returns when the first of the numbers that rest in the scope becomes available; null if none rests.
  -- Locks nothing. Cost: the rows that end.
  select min(free_at)
  from ports.ending_slots
  where project_name = p_project_name
    and hostname = p_hostname
    and protocol = p_protocol
    and free_at > now()
    and (status = 'released' or ends_at <= now());
end;

create or replace function ports.refuse_exhausted(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_avoid int4multirange
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
  -- Locks nothing. Raises ZP001, and ZP002 if no number of the project is available in the scope
  -- but those that are reserved, that rest, or that are to be avoided. One statement reads slots, cursor, ranges and
  -- reservations, so that it sees them at one moment. Cost: a few lookups and the free slots to pass over.
declare
  v_ranges json;
  v_available integer;
  v_withheld record;
begin
  with passed_over as materialized (
    select p_avoid + ports.reserved_numbers(p_hostname, p_protocol) as numbers
  )
  select coalesce(
    json_agg(
      json_build_object('startPort', start_port, 'endPort', end_port)
      order by start_port
    ),
    '[]'
  )
  into v_ranges
  from ports.ranges_in(p_project_name, p_hostname)
  having not exists (
      select
      from ports.available_slots
      cross join passed_over
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and not (port_number <@ passed_over.numbers)
    )
    and not exists (
      select
      from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 1)
    );
  if not found then
    return;
  end if;

  perform ports.refuse_unknown_project(p_project_name);
  v_available := ports.count_available(p_project_name, p_hostname, p_protocol);
  select *
  into v_withheld
  from ports.count_withheld(p_project_name, p_hostname, p_protocol, '{}');
  raise exception 'no port of % is available on %/%', p_project_name, p_hostname, p_protocol
    using
      errcode = 'ZP002',
      detail = json_build_object(
        'projectName', p_project_name,
        'ranges', v_ranges,
        'elsewhere', (
          select coalesce(json_agg(distinct hostname), '[]')
          from ports.port_ranges
          where project_name = p_project_name
            and hostname <> p_hostname
        ),
        'hostname', p_hostname,
        'protocol', p_protocol,
        'reserved', v_withheld.reserved,
        'resting', v_withheld.resting,
        'firstFreeAt', ports.first_free_at(p_project_name, p_hostname, p_protocol),
        'avoided', v_available - v_withheld.withheld
      )::text;
end
$$;

create or replace function ports.refuse_misfit(
  p_project_name text,
  p_hostname text,
  p_turns integer[],
  p_service_names text[],
  p_protocols text[],
  p_contiguous boolean[],
  p_misfit integer,
  p_asked integer,
  p_fits integer,
  p_avoid_tcp int4multirange,
  p_avoid_udp int4multirange
) returns void
language plpgsql
as $$
  -- Raises ZP002 for the item of a batch that does not fit: with what it needs, what would fit, and
  -- how many available numbers are reserved, how many rest, and how many are to be avoided. Called by
  -- functions whose search path is fixed. Locks nothing. Cost: the numbers of the project in the scope.
declare
  v_nth integer := array_position(p_turns, p_misfit);
  v_withheld record;
begin
  select sum(reserved) as reserved, sum(resting) as resting,
    min(ports.first_free_at(p_project_name, p_hostname, protocol)) as first_free_at
  into v_withheld
  from (values ('tcp'), ('udp')) as scope (protocol)
  cross join lateral ports.count_withheld(p_project_name, p_hostname, protocol, '{}')
  where p_protocols[v_nth] in (protocol, 'both');
  raise exception 'the batch does not fit into %', p_project_name
    using
      errcode = 'ZP002',
      detail = json_build_object(
        'projectName', p_project_name,
        'serviceName', p_service_names[v_nth],
        'hostname', p_hostname,
        'protocols', case p_protocols[v_nth]
          when 'both' then '["tcp", "udp"]'
          else json_build_array(p_protocols[v_nth])
        end,
        'contiguous', p_contiguous[v_nth],
        'asked', p_asked,
        'fits', p_fits,
        'reserved', v_withheld.reserved,
        'resting', v_withheld.resting,
        'firstFreeAt', v_withheld.first_free_at,
        'avoided', (
          select coalesce(sum(upper(block) - lower(block)), 0)
          from (values ('tcp', p_avoid_tcp), ('udp', p_avoid_udp)) as scope (protocol, avoided)
          cross join lateral unnest(
            avoided * ports.available_numbers(p_project_name, p_hostname, protocol, null)
          ) as block
          where p_protocols[v_nth] in (protocol, 'both')
        )
      )::text;
end
$$;

create or replace function ports.taken_detail(
  p_held ports.port_allocations,
  p_nearest integer[] default '{}'
) returns json
language sql stable
-- The detail of ZP003: who holds the number, or held it last if it rests, and other numbers to suggest.
return json_build_object(
  'portNumber', p_held.port_number,
  'hostname', p_held.hostname,
  'protocol', p_held.protocol,
  'projectName', p_held.project_name,
  'serviceName', p_held.service_name,
  'instance', p_held.instance,
  'allocatedAt', p_held.allocated_at,
  'lastUsedAt', p_held.last_used_at,
  'leaseEndsAt', case when p_held.status <> 'released' then p_held.ends_at end,
  'restsUntil', case when p_held.status = 'released' then p_held.ends_at end,
  'nearest', p_nearest
);

create or replace function ports.refuse_taken(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer
) returns void
language plpgsql
as $$
  -- Raises ZP003 if a service holds the number in that scope, or if it rests, with the holder and the
  -- nearest available numbers of the project. Locks nothing. Called by functions whose search path is
  -- fixed. Cost: one lookup, and the numbers of the project if it raises.
declare
  v_held ports.port_allocations;
begin
  select *
  into v_held
  from ports.port_allocations
  where hostname = p_hostname
    and protocol = p_protocol
    and port_number = p_port_number
    and status in ('allocated', 'in_use');
  if not found then
    select *
    into v_held
    from ports.port_allocations
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol
      and port_number = p_port_number
      and status = 'released'
      and ends_at is not null;
  end if;
  if not found then
    return;
  end if;
  raise exception 'port % is held by % of % on %/%',
    p_port_number, v_held.service_name, v_held.project_name, p_hostname, p_protocol
    using
      errcode = 'ZP003',
      detail = ports.taken_detail(v_held, array(
        select number
        from (
          select number
          from unnest(
            ports.available_numbers(p_project_name, p_hostname, p_protocol, null)
          ) as block
          cross join lateral generate_series(lower(block), upper(block) - 1) as number
          order by abs(number - p_port_number), number
          limit 3
        ) as nearby
        order by number
      ))::text;
end
$$;

drop function ports.hold_slot(
  tid, text, bigint, text, text, text, text, text, text, text, integer
);

create function ports.hold_slot(
  p_slot tid,
  p_call text,
  p_service_key bigint,
  p_service_name text,
  p_instance text,
  p_service_type text,
  p_description text,
  p_cloudflare_hostname text,
  p_idempotency_key text,
  p_actor text,
  p_ordinal integer default null,
  p_ends_at timestamptz default null
) returns integer
language plpgsql
as $$
  -- Makes the service the holder of a slot that the caller has locked, until the end of its lease if
  -- one is given. No other statement makes a
  -- row live. Called by functions whose search path is fixed. A caller that saw the service without
  -- a port passes the ordinal that follows those it saw in the same snapshot. The unique index then
  -- refuses it if another transaction has given the service a port since.
  --
  -- Waits until a concurrent transaction that gives a service with this key a port has ended.
  -- Raises 23505 if that one committed. Cost: one slot, one event, a look at the service's newest
  -- port.
declare
  v_id bigint;
  v_project_name text;
  v_hostname text;
  v_protocol text;
  v_port_number integer;
begin
  update ports.port_allocations as slot
  set id = default,
    status = 'allocated',
    service_key = p_service_key,
    service_name = p_service_name,
    instance = p_instance,
    ordinal = coalesce(
      p_ordinal,
      1 + (
        select newest.ordinal
        from ports.port_allocations as newest
        where newest.service_key = p_service_key
          and newest.protocol = slot.protocol
          and newest.status <> 'released'
        order by newest.ordinal desc
        limit 1
      ),
      1
    ),
    service_type = p_service_type,
    description = p_description,
    cloudflare_hostname = p_cloudflare_hostname,
    idempotency_key = p_idempotency_key,
    allocated_at = now(),
    last_used_at = null,
    ends_at = p_ends_at
  where slot.ctid = p_slot
  returning id, project_name, hostname, protocol, port_number
  into v_id, v_project_name, v_hostname, v_protocol, v_port_number;

  insert into ports.port_events (
    actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
    allocation_id, after
  )
  values (
    p_actor, p_call, 'allocated', v_project_name, p_service_name, p_instance, v_hostname,
    v_protocol, v_port_number, v_id,
    ports.metadata(p_service_type, p_description, p_cloudflare_hostname)
  );
  return v_port_number;
end
$$;

drop function ports.hold_slots(
  tid[], text, bigint[], text[], integer[], text[], text[], text[], text[], text[], text
);

create function ports.hold_slots(
  p_slots tid[],
  p_call text,
  p_service_keys bigint[],
  p_service_names text[],
  p_ordinals integer[],
  p_idempotency_keys text[],
  p_instances text[],
  p_service_types text[],
  p_descriptions text[],
  p_cloudflare_hostnames text[],
  p_actor text,
  p_ends_at timestamptz default null
) returns setof bigint
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_nestloop = on
as $$
  -- Does what hold_slot() does for slots of several services in one statement, which takes a third
  -- of the time. Returns the ids of the holdings. The ordinals are those that follow what the caller
  -- saw of each service in one snapshot. Called by functions whose search path is fixed.
  --
  -- Takes the slots in the order of service and ordinal, because it waits until a concurrent
  -- transaction that gives one of the services a port has ended. The settings keep the planner from
  -- another order, and from reading the whole table. Raises 23505 if that transaction committed.
  -- Cost: the slots, and an event for each.
begin
  return query
  with wanted as materialized (
    select *
    from unnest(
      p_slots, p_service_keys, p_service_names, p_ordinals, p_idempotency_keys, p_instances,
      p_service_types, p_descriptions, p_cloudflare_hostnames
    ) as wanted (
      slot, service_key, service_name, ordinal, idempotency_key, instance, service_type,
      description, cloudflare_hostname
    )
    order by service_key, ordinal
  ), held as (
    update ports.port_allocations as slot
    set id = default,
      status = 'allocated',
      service_key = wanted.service_key,
      service_name = wanted.service_name,
      instance = wanted.instance,
      ordinal = wanted.ordinal,
      service_type = wanted.service_type,
      description = wanted.description,
      cloudflare_hostname = wanted.cloudflare_hostname,
      idempotency_key = wanted.idempotency_key,
      allocated_at = now(),
      last_used_at = null,
      ends_at = p_ends_at
    from wanted
    where slot.ctid = wanted.slot
    returning slot.*
  )
  insert into ports.port_events (
    actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
    allocation_id, after
  )
  select
    p_actor, p_call, 'allocated', project_name, service_name, instance, hostname, protocol,
    port_number, id, ports.metadata(service_type, description, cloudflare_hostname)
  from held
  returning allocation_id;
end
$$;

drop function ports.lock_lowest_slot(text, text, text, int4multirange, boolean);

create function ports.lock_lowest_slot(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_avoid int4multirange,
  p_service_key bigint,
  p_service_name text,
  p_instance text,
  p_holds_others boolean default false
) returns tid
language plpgsql
as $$
  -- Returns the lowest available slot that nobody else is taking, locked until commit. Skips the
  -- numbers that are reserved or to be avoided. A slot that rests for the service comes first, whether
  -- it is to be avoided or not: what listens there may be the service itself. If others are taking the lowest few, it returns one
  -- from a random place among those offered, because callers that skip each other's slots slow each
  -- other down. Called by functions whose search path is fixed.
  --
  -- Locks one slot, with SKIP LOCKED. If something has run out in the scope, it ends that, and if it
  -- finds no slot, it offers numbers: both wait for the project's row. Raises ZP001, ZP002 (none is available), 55P03 (others keep the last ones
  -- locked), and above READ COMMITTED 40001 (they changed since the transaction began). A caller
  -- that holds other slots must not wait for the project, so it gets 40001 instead. Cost: one slot,
  -- the reservations and the free slots to avoid below it; if many callers take slots at once, a look
  -- at some of theirs.
declare
  v_unreserved int4multirange;
  v_next_port integer;
  v_lowest integer;
  v_slot tid;
  v_first integer;
  v_end integer;
  v_misses integer := 0;
  v_is_reserved boolean;
  v_first_end timestamptz;
  v_is_ending boolean;
begin
  loop
    -- Most registries have no reservation, no lease and no rest, and calls cost more than this look.
    select
      exists (select from ports.port_reservations),
      (
        select ends_at
        from ports.port_allocations
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
          and ends_at is not null
        order by ends_at
        limit 1
      )
    into v_is_reserved, v_first_end;
    v_unreserved := case
      when v_is_reserved then ports.unreserved_numbers(p_project_name, p_hostname, p_protocol)
      else '{[1,65536)}'
    end;
    if v_first_end is not null then
      if not p_holds_others and v_first_end <= clock_timestamp() then
        perform ports.expire(p_project_name, p_hostname, p_protocol, p_avoid);
      end if;
      select ctid
      into v_slot
      from ports.port_allocations
      where service_key = p_service_key
        and project_name = p_project_name
        and service_name = p_service_name
        and instance = p_instance
        and hostname = p_hostname
        and protocol = p_protocol
        and status = 'released'
        and ends_at is not null
        and port_number <@ v_unreserved
      -- An expression, because the planner could else walk over all numbers that rest in their order.
      order by port_number + 0
      limit 1
      for update skip locked;
      if found then
        return v_slot;
      end if;
    end if;
    -- The blocks come in their order, so the search ends at the first that has a slot.
    select slot.slot, slot.port_number
    into v_slot, v_lowest
    from unnest(v_unreserved) as block
    cross join lateral (
      select slot, port_number
      from ports.available_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number >= lower(block)
        and port_number < upper(block)
        and port_number < (
          select next_port
          from ports.port_cursors
          where project_name = p_project_name
            and hostname = p_hostname
            and protocol = p_protocol
        )
        and not (port_number <@ p_avoid)
      order by port_number
      limit 1
    ) as slot
    limit 1;
    if found then
      -- By ctid, which finds nothing if the row has changed since.
      perform
      from ports.available_slots
      where slot = v_slot
      for update skip locked;
      if found then
        return v_slot;
      end if;
    end if;

    select next_port
    into v_next_port
    from ports.port_cursors
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol;
    -- What has run out and is still there, others have locked. It is available when they are done,
    -- unless they renew it.
    v_is_ending := v_lowest is null and v_first_end is not null and exists (
      select
      from ports.ending_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and ends_at <= clock_timestamp()
        and free_at <= clock_timestamp()
        and port_number <@ v_unreserved
        and not (port_number <@ p_avoid)
    );
    if v_lowest is null and not v_is_ending then
      perform ports.refuse_exhausted(p_project_name, p_hostname, p_protocol, p_avoid);
    else
      for v_first, v_end in
        values
          (v_lowest + 1, least(v_lowest + 8, v_next_port)),
          (v_lowest + floor(random() * (v_next_port - v_lowest))::integer, v_next_port),
          (v_lowest, v_next_port)
      loop
        exit when v_is_ending;
        select slot.slot
        into v_slot
        from unnest(
          -- The cursor may have been set back since.
          v_unreserved * int4multirange(int4range(v_first, greatest(v_first, v_end)))
        ) as block
        cross join lateral (
          select slot
          from ports.available_slots
          where project_name = p_project_name
            and hostname = p_hostname
            and protocol = p_protocol
            and port_number >= lower(block)
            and port_number < upper(block)
            and not (port_number <@ p_avoid)
          order by port_number
          limit 1
          for update skip locked
        ) as slot
        limit 1;
        if found then
          return v_slot;
        end if;
      end loop;

      -- Others are taking all of them, and may still roll back. Waiting for their locks could
      -- deadlock.
      v_misses := v_misses + 1;
      if v_misses > 500 then
        raise exception 'the last free ports of % stay locked by others', p_project_name
          using errcode = 'lock_not_available';
      end if;
      if v_misses > 1 then
        perform pg_sleep(0.002);
      end if;
    end if;
    if p_holds_others then
      raise exception 'others took the free ports of %', p_project_name
        using errcode = 'serialization_failure';
    end if;
    -- The project is locked only if there is a number to offer.
    if exists (select from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 1)) then
      perform ports.offer_ports(p_project_name, p_hostname, p_protocol, v_next_port);
    end if;
  end loop;
end
$$;

drop function ports.lock_slot(text, text, text, integer, boolean);

create function ports.lock_slot(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer,
  p_use_reservation boolean,
  p_service_key bigint,
  p_service_name text,
  p_instance text
) returns tid
language plpgsql
as $$
  -- Returns the slot of one number, locked until commit. Makes the slot if the number was not
  -- offered yet. A number that rests is available to the service that held it last. Called by functions whose search path is fixed.
  --
  -- Locks the slot, and waits for a transaction that is taking it. If it makes the slot, or ends a lease
  -- or a rest, it first locks the project's row. Raises ZP001, ZP003 (somebody holds the number, or it
  -- rests), ZP004 (it is not the
  -- project's), ZP011 (it is reserved, and p_use_reservation is false), 55P03. Cost: one slot and the
  -- reservations; the first in a scope also collects idle slots.
declare
  v_slot tid;
  v_locked boolean := false;
  v_ending record;
begin
  loop
    select slot
    into v_slot
    from ports.available_slots
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol
      and port_number = p_port_number
    for update;
    if found then
      if not p_use_reservation then
        perform ports.refuse_reserved(p_hostname, p_protocol, p_port_number);
      end if;
      return v_slot;
    end if;
    perform ports.refuse_outside(p_project_name, p_hostname, p_port_number);

    -- In two parts, one for each index that finds the number.
    select ends_at <= clock_timestamp() as is_over,
      status = 'released'
        and service_key = p_service_key
        and service_name = p_service_name
        and instance = p_instance as is_own
    into v_ending
    from (
      select *
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = p_port_number
        and status = 'released'
        and ends_at is not null
      union all
      select *
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = p_port_number
        and status in ('allocated', 'in_use')
        and ends_at is not null
    ) as slot;
    if v_ending.is_own then
      -- Found again by its condition, as it may have changed since.
      select ctid
      into v_slot
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = p_port_number
        and status = 'released'
        and ends_at is not null
        and service_key = p_service_key
        and service_name = p_service_name
        and instance = p_instance
      for update;
      continue when not found;
      if not p_use_reservation then
        perform ports.refuse_reserved(p_hostname, p_protocol, p_port_number);
      end if;
      return v_slot;
    elsif v_ending.is_over then
      perform ports.expire(
        p_project_name, p_hostname, p_protocol, p_port_number => p_port_number
      );
      continue;
    end if;
    perform ports.refuse_taken(p_project_name, p_hostname, p_protocol, p_port_number);

    if v_locked then
      insert into ports.port_cursors (project_name, hostname, protocol, next_port)
      select p_project_name, p_hostname, p_protocol, min(start_port)
      from ports.ranges_in(p_project_name, p_hostname)
      on conflict (project_name, hostname, protocol) do nothing;
      if found then
        perform ports.collect_idle_slots(p_project_name);
      end if;
      insert into ports.port_allocations (project_name, hostname, protocol, port_number)
      values (p_project_name, p_hostname, p_protocol, p_port_number);
    else
      -- Another transaction may have made the slot, so the next turn looks again.
      update ports.projects
      set settings = settings
      where name = p_project_name;
      v_locked := true;
    end if;
  end loop;
end
$$;

create or replace function ports.lock_batch(
  p_project_name text,
  p_hostname text,
  p_turns integer[],
  p_service_names text[],
  p_protocols text[],
  p_counts integer[],
  p_contiguous boolean[],
  p_avoid_tcp int4multirange,
  p_avoid_udp int4multirange
) returns table (turn integer, protocol text, port_number integer, slot tid)
language plpgsql
as $$
  #variable_conflict use_column
  -- Returns slots for the items of a batch as choose_numbers() chooses them, locked until commit.
  -- Chooses others instead of those that somebody else is taking. Called by functions whose search
  -- path is fixed.
  --
  -- Locks the project, so that nobody else offers numbers or changes ranges, then the slots, with
  -- SKIP LOCKED. Raises ZP001, ZP002 (an item does not fit), 55P03 (others keep slots locked that
  -- are needed), and above READ COMMITTED 40001. Cost: the slots, and all numbers of the project in
  -- the scope if the lowest do not do.
declare
  v_searches_all boolean := false;
  v_protocol text;
  v_limit integer;
  v_tcp_limit integer;
  v_udp_limit integer;
  v_tcp int4multirange := '{}';
  v_udp int4multirange := '{}';
  v_busy_tcp int4multirange := '{}';
  v_busy_udp int4multirange := '{}';
  v_missed int4multirange;
  v_choice record;
  v_wanted integer[];
  v_found integer[];
  v_found_slots tid[];
  v_protocols text[];
  v_numbers integer[];
  v_slots tid[];
  v_misses integer := 0;
begin
  update ports.projects
  set settings = settings
  where name = p_project_name;
  if not found then
    perform ports.refuse_unknown_project(p_project_name);
  end if;

  -- A few more than are needed, as some are passed over or in the way of a block.
  select
    16 + sum(count) filter (where protocols <> 'udp'),
    16 + sum(count) filter (where protocols <> 'tcp')
  into v_tcp_limit, v_udp_limit
  from unnest(p_protocols, p_counts) as item (protocols, count);
  -- provide_slots() needs a number to offer. If both scopes are new to the project, the second call
  -- may collect the slots of the first. Then all numbers are looked at.
  for v_protocol, v_limit in
    values ('tcp', v_tcp_limit), ('udp', v_udp_limit)
  loop
    if v_limit is not null
      and exists (select from ports.numbers_to_offer(p_project_name, p_hostname, v_protocol, 1))
    then
      perform ports.provide_slots(p_project_name, p_hostname, v_protocol, v_limit);
    end if;
  end loop;

  loop
    if v_tcp_limit is not null then
      v_tcp := ports.available_numbers(
        p_project_name, p_hostname, 'tcp', case when not v_searches_all then v_tcp_limit end
      ) - p_avoid_tcp - v_busy_tcp;
    end if;
    if v_udp_limit is not null then
      v_udp := ports.available_numbers(
        p_project_name, p_hostname, 'udp', case when not v_searches_all then v_udp_limit end
      ) - p_avoid_udp - v_busy_udp;
    end if;
    v_choice := ports.choose_numbers(
      p_turns, p_protocols, p_counts, p_contiguous, v_tcp, v_udp
    );
    if v_choice.misfit is not null then
      if not v_searches_all then
        v_searches_all := true;
      elsif isempty(v_busy_tcp) and isempty(v_busy_udp) and not exists (
        -- What has run out and is still there, others have locked. It is available when they are done,
        -- unless they renew it.
        select
        from ports.ending_slots as ending
        where ending.project_name = p_project_name
          and ending.hostname = p_hostname
          and ending.ends_at <= clock_timestamp()
          and ending.free_at <= clock_timestamp()
          and not (
            ending.port_number <@ ports.reserved_numbers(p_hostname, ending.protocol)
          )
          and case ending.protocol
            when 'tcp' then v_tcp_limit is not null and not (ending.port_number <@ p_avoid_tcp)
            else v_udp_limit is not null and not (ending.port_number <@ p_avoid_udp)
          end
      ) then
        perform ports.refuse_misfit(
          p_project_name, p_hostname, p_turns, p_service_names, p_protocols, p_contiguous,
          v_choice.misfit, v_choice.asked, v_choice.fits, p_avoid_tcp, p_avoid_udp
        );
      else
        -- Others are taking some of the last, and may still roll back. Waiting for their locks
        -- could deadlock.
        v_misses := v_misses + 1;
        if v_misses > 500 then
          raise exception 'free ports of % stay locked by others', p_project_name
            using errcode = 'lock_not_available';
        end if;
        perform pg_sleep(0.002);
        perform ports.expire(p_project_name, p_hostname, 'tcp', p_avoid_tcp);
        perform ports.expire(p_project_name, p_hostname, 'udp', p_avoid_udp);
        v_busy_tcp := '{}';
        v_busy_udp := '{}';
      end if;
      continue;
    end if;

    if v_searches_all then
      -- A scope that holds numbers has a cursor, which tells provide_slots() when to end.
      insert into ports.port_cursors (project_name, hostname, protocol, next_port)
      select distinct p_project_name, p_hostname, scope.protocol, number
      from unnest(v_choice.protocols) as scope (protocol)
      cross join lateral ports.numbers_to_offer(p_project_name, p_hostname, scope.protocol, 1)
        as number
      on conflict (project_name, hostname, protocol) do nothing;

      -- A number without a slot cannot become held while the project is locked.
      insert into ports.port_allocations (project_name, hostname, protocol, port_number)
      select p_project_name, p_hostname, chosen.protocol, chosen.port_number
      from unnest(v_choice.protocols, v_choice.numbers) as chosen (protocol, port_number)
      where not exists (
        select
        from ports.free_slots as known
        where known.project_name = p_project_name
          and known.hostname = p_hostname
          and known.protocol = chosen.protocol
          and known.port_number = chosen.port_number
      )
      and not exists (
        select
        from ports.port_allocations as held
        where held.hostname = p_hostname
          and held.protocol = chosen.protocol
          and held.port_number = chosen.port_number
          and held.status in ('allocated', 'in_use')
      );
    end if;

    v_protocols := '{}';
    v_numbers := '{}';
    v_slots := '{}';
    foreach v_protocol in array array['tcp', 'udp'] loop
      v_wanted := array(
        select number
        from unnest(v_choice.protocols, v_choice.numbers) as chosen (protocol, number)
        where chosen.protocol = v_protocol
      );
      continue when cardinality(v_wanted) = 0;
      with locked as materialized (
        select slot, port_number
        from ports.available_slots
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = v_protocol
          and port_number = any (v_wanted)
        order by port_number
        for update skip locked
      )
      select array_agg(slot), array_agg(port_number)
      into v_found_slots, v_found
      from locked;
      v_protocols := v_protocols || array_fill(v_protocol, array[coalesce(cardinality(v_found), 0)]);
      v_numbers := v_numbers || v_found;
      v_slots := v_slots || v_found_slots;

      select coalesce(range_agg(int4range(number, number + 1)), '{}')
      into v_missed
      from unnest(v_wanted) as number
      where number <> all (coalesce(v_found, '{}'));
      if v_protocol = 'tcp' then
        v_busy_tcp := v_busy_tcp + v_missed;
      else
        v_busy_udp := v_busy_udp + v_missed;
      end if;
    end loop;

    if cardinality(v_slots) = cardinality(v_choice.numbers) then
      return query
      select chosen.turn, locked.protocol, locked.port_number, locked.slot
      from unnest(v_choice.turns, v_choice.protocols, v_choice.numbers)
        as chosen (turn, protocol, port_number)
      join unnest(v_protocols, v_numbers, v_slots) as locked (protocol, port_number, slot)
        using (protocol, port_number);
      return;
    end if;
  end loop;
end
$$;

drop function ports.get_or_allocate_port(
  text, text, text, text, text, text, text, text, text
);

drop function ports.ensure_port(
  text, text, text, text, text, text, text, text, text, integer, int4multirange
);

create function ports.ensure_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_instance text default '',
  p_actor text default null,
  p_preferred_port integer default null,
  p_avoid int4multirange default '{}',
  p_ttl integer default null,
  out port_number integer,
  out created boolean,
  out passed_over integer[]
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns the port of the service in that scope, or gives it one: the one that it claimed last,
  -- else the oldest, else the preferred number if it is available, else the lowest that is available
  -- and not to be avoided. `created` tells whether it was given now, and `passed_over` which
  -- available numbers below it were avoided, 20 at most. Metadata fills in what the allocation lacks
  -- and overwrites nothing. With p_ttl
  -- the port has a lease, which this call lets end p_ttl seconds from now. Without it a lease stays as
  -- it is.
  --
  -- If the service has no port, locks, raises and costs what allocate_port() does. Otherwise it
  -- costs one look, and if metadata or p_ttl is given, it locks that row and raises 55P03, and 22023 if
  -- a lease is asked for and the port has none.
declare
  v_service_key bigint;
  v_now timestamptz;
  v_oldest record;
  v_held ports.port_allocations;
  v_exhausted boolean := false;
  v_passed_over int4multirange;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  p_avoid := coalesce(p_avoid, '{}');
  created := false;
  passed_over := '{}';
  if p_ttl < 1 then
    perform ports.refuse_length(p_ttl);
  end if;
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    -- One statement has one snapshot, in which it sees that the service has no port and which
    -- ordinals are taken. One reading of the clock tells for each lease whether it has ended.
    v_now := clock_timestamp();
    select oldest.*, newest.ordinal as newest_ordinal, newest.is_over
    into v_oldest
    from (
      select max(ordinal) as ordinal,
        bool_or(ends_at <= v_now) filter (
          -- Other services may have the same key.
          where project_name = p_project_name
            and service_name = p_service_name
            and instance = p_instance
            and hostname = p_hostname
        ) as is_over
      from ports.port_allocations
      where service_key = v_service_key
        and protocol = p_protocol
        and status <> 'released'
    ) as newest
    left join lateral (
      select id, held.port_number, service_type, description, cloudflare_hostname
      from ports.port_allocations as held
      where service_key = v_service_key
        and project_name = p_project_name
        and service_name = p_service_name
        and instance = p_instance
        and hostname = p_hostname
        and protocol = p_protocol
        and status <> 'released'
        and (ends_at is null or ends_at > v_now)
      order by ordinal
      limit 1
    ) as oldest on true;
    if v_oldest.id is not null then
      if p_ttl is not null then
        begin
          select *
          into v_held
          from ports.port_allocations
          where service_key = v_service_key
            and id = v_oldest.id
            and status <> 'released'
          for update;
          perform ports.refuse_durable(v_held, p_ttl);
          update ports.port_allocations
          set ends_at = clock_timestamp() + make_interval(secs => p_ttl)
          where service_key = v_service_key
            and id = v_oldest.id
            and status <> 'released'
            and ends_at > clock_timestamp();
          if not found then
            raise exception 'the lease of port % has ended', v_oldest.port_number
              using errcode = 'ZP009';
          end if;
        exception
          when sqlstate 'ZP009' then
            -- The row is not locked any more: the next turn may wait for the project, and who holds
            -- that may wait for the row.
            continue;
        end;
      end if;
      if num_nonnulls(p_service_type, p_description, p_cloudflare_hostname) > 0 then
        perform ports.change_metadata(
          v_service_key, array[v_oldest.id], 'get_or_allocate_port',
          ports.metadata(p_service_type, p_description, p_cloudflare_hostname), p_actor,
          p_only_missing => true
        );
      end if;
      port_number := v_oldest.port_number;
      return;
    end if;
    if v_oldest.is_over then
      -- Its lease may be renewed at this moment. The next turn sees which of the two was first.
      perform ports.expire(
        p_project_name, p_hostname, p_protocol, p_avoid, array[v_service_key]
      );
      continue;
    end if;

    begin
      port_number := ports.hold_slot(
        case
          when p_preferred_port is null
          then ports.lock_lowest_slot(
            p_project_name, p_hostname, p_protocol, p_avoid, v_service_key, p_service_name, p_instance
          )
          else ports.lock_slot(
            p_project_name, p_hostname, p_protocol, p_preferred_port, false, v_service_key,
            p_service_name, p_instance
          )
        end,
        'get_or_allocate_port', v_service_key, p_service_name, p_instance,
        p_service_type, p_description, p_cloudflare_hostname, null, p_actor,
        1 + coalesce(v_oldest.newest_ordinal, 0),
        clock_timestamp() + make_interval(secs => p_ttl)
      );
      created := true;
      if p_preferred_port is null then
        v_passed_over := p_avoid + ports.reserved_numbers(p_hostname, p_protocol);
        if not isempty(v_passed_over) then
          passed_over := array(
            select slot.port_number
            from ports.available_slots as slot
            where slot.project_name = p_project_name
              and slot.hostname = p_hostname
              and slot.protocol = p_protocol
              and slot.port_number < ensure_port.port_number
              and slot.port_number <@ v_passed_over
            order by slot.port_number
            limit 20
          );
        end if;
      end if;
      return;
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
      when sqlstate 'ZP003' or sqlstate 'ZP004' or sqlstate 'ZP011' then
        p_preferred_port := null;
      when sqlstate 'ZP002' then
        -- Another transaction may have got the last number for this service.
        if v_exhausted then
          raise;
        end if;
        v_exhausted := true;
    end;
  end loop;
  raise exception 'others keep giving % ports at the same time', p_service_name
    using errcode = 'serialization_failure';
end
$$;

create function ports.get_or_allocate_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_instance text default '',
  p_actor text default null
) returns integer
language sql
-- Like ensure_port(), but returns only the number.
return (
  select port_number
  from ports.ensure_port(
    p_project_name, p_service_name, p_hostname, p_protocol, p_service_type, p_description,
    p_cloudflare_hostname, p_instance, p_actor
  )
);

drop function ports.allocate_port(
  text, text, text, text, text, text, text, text, text, text, int4multirange
);

create function ports.allocate_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_idempotency_key text default null,
  p_instance text default '',
  p_actor text default null,
  p_avoid int4multirange default '{}',
  p_ttl integer default null
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Gives the service one more port: one that rests for it, else the lowest available number of the
  -- project in that scope that is not to be avoided. With an idempotency key, returns the port that
  -- the service holds under it, if there is one. With p_ttl a new port has a lease that ends p_ttl
  -- seconds from now.
  --
  -- Locks one slot until commit. Waits for a concurrent transaction that gives the same service a
  -- port. Raises ZP001 (no such project), ZP002 (no number is available), 55P03 (others hold what
  -- it needs), and 40001 (above READ COMMITTED, or after 1000 attempts that others were ahead of).
  -- Cost: that of lock_lowest_slot() and hold_slot().
declare
  v_service_key bigint;
  v_port integer;
  v_is_over boolean;
  v_exhausted boolean := false;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  p_avoid := coalesce(p_avoid, '{}');
  if p_ttl < 1 then
    perform ports.refuse_length(p_ttl);
  end if;
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    if p_idempotency_key is not null then
      select port_number, ends_at <= clock_timestamp()
      into v_port, v_is_over
      from ports.port_allocations
      where service_key = v_service_key
        and project_name = p_project_name
        and service_name = p_service_name
        and instance = p_instance
        and hostname = p_hostname
        and protocol = p_protocol
        and idempotency_key = p_idempotency_key
        and status <> 'released';
      if v_is_over then
        perform ports.expire(
          p_project_name, p_hostname, p_protocol, p_avoid, array[v_service_key]
        );
        continue;
      elsif v_port is not null then
        return v_port;
      end if;
    end if;

    -- The slot is locked in the block that takes it, because a lock from another subtransaction
    -- would need a multixact.
    begin
      return ports.hold_slot(
        ports.lock_lowest_slot(
          p_project_name, p_hostname, p_protocol, p_avoid, v_service_key, p_service_name, p_instance
        ),
        'allocate_port', v_service_key, p_service_name, p_instance,
        p_service_type, p_description, p_cloudflare_hostname, p_idempotency_key, p_actor,
        p_ends_at => clock_timestamp() + make_interval(secs => p_ttl)
      );
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
      when sqlstate 'ZP002' then
        -- Another transaction may have got the last number under this key.
        if p_idempotency_key is null or v_exhausted then
          raise;
        end if;
        v_exhausted := true;
    end;
  end loop;
  raise exception 'others keep giving % ports at the same time', p_service_name
    using errcode = 'serialization_failure';
end
$$;

create or replace function ports.allocate_ports(
  p_project_names text[],
  p_service_names text[],
  p_hostnames text[],
  p_protocols text[],
  p_service_types text[],
  p_descriptions text[],
  p_cloudflare_hostnames text[],
  p_instances text[],
  p_actors text[],
  p_avoid int4multirange[] default null
) returns table (turn integer, port_number integer)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Does the work of several calls of allocate_port() in one transaction, all or nothing. The
  -- hostnames must be in lower case. After 23505 or 40001 the caller repeats the calls one by one.
  --
  -- First locks the projects that need to offer numbers or in which something has run out, by name.
  -- Then ends what has run out, and takes slots in the order of the services' keys. Raises what allocate_port() does, 23505 if another transaction gives one of
  -- the services a port at the same time, and 40001 if others take the slots. Cost: that of the
  -- calls.
declare
  v_scope record;
  v_ending text[] := '{}';
  v_call record;
begin
  for v_scope in
    select project_name, hostname, protocol, count(*)::integer as ports
    from unnest(p_project_names, p_hostnames, p_protocols) as call (project_name, hostname, protocol)
    group by project_name, hostname, protocol
    order by project_name, hostname, protocol
  loop
    if exists (
      select
      from ports.port_allocations
      where project_name = v_scope.project_name
        and hostname = v_scope.hostname
        and protocol = v_scope.protocol
        and ends_at <= clock_timestamp()
    ) then
      update ports.projects
      set settings = settings
      where name = v_scope.project_name;
      v_ending := v_ending || array[
        array[v_scope.project_name, v_scope.hostname, v_scope.protocol]
      ];
    end if;
    perform ports.provide_slots(
      v_scope.project_name, v_scope.hostname, v_scope.protocol, v_scope.ports
    );
  end loop;
  for v_nth in 1 .. coalesce(array_length(v_ending, 1), 0) loop
    perform ports.expire(v_ending[v_nth][1], v_ending[v_nth][2], v_ending[v_nth][3]);
  end loop;

  for v_call in
    select *
    from unnest(
      p_project_names, p_service_names, p_hostnames, p_protocols, p_service_types,
      p_descriptions, p_cloudflare_hostnames, p_instances, p_actors, p_avoid
    ) with ordinality as call (
      project_name, service_name, hostname, protocol, service_type,
      description, cloudflare_hostname, instance, actor, avoid, turn
    )
    cross join lateral ports.service_key(project_name, service_name, instance, hostname)
      as service_key
    order by service_key, call.turn
  loop
    turn := v_call.turn;
    port_number := ports.hold_slot(
      ports.lock_lowest_slot(
        v_call.project_name, v_call.hostname, v_call.protocol, coalesce(v_call.avoid, '{}'),
        v_call.service_key, v_call.service_name, v_call.instance, true
      ),
      'allocate_ports', v_call.service_key, v_call.service_name, v_call.instance,
      v_call.service_type, v_call.description, v_call.cloudflare_hostname, null, v_call.actor
    );
    return next;
  end loop;
end
$$;

create or replace function ports.claim_port(
  p_project_name text,
  p_service_name text,
  p_port_number integer,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_instance text default '',
  p_actor text default null,
  p_use_reservation boolean default false
) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Gives the service that number, or raises. From then on it is the number that ensure_port()
  -- returns for the service. Other ports of the service stay. Returns true if the service did not
  -- hold the number before. Metadata fills in what the allocation lacks and overwrites nothing.
  --
  -- Locks one slot until commit, and waits for a concurrent transaction that takes it or claims for
  -- the same service. Raises ZP001 (no such project), ZP003 (somebody else holds the number), ZP004
  -- (it is not the project's), ZP011 (it is reserved, and p_use_reservation is not true), 55P03, and
  -- 40001 (above READ COMMITTED, or after 1000 attempts). Cost: a look at the service's ports and that
  -- of lock_slot() and hold_slot().
declare
  v_service_key bigint;
  v_held record;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    begin
      -- A lease on the number that has ended may be renewed at this moment.
      if exists (
        select
        from ports.port_allocations
        where service_key = v_service_key
          and project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
          and port_number = p_port_number
          and status <> 'released'
          and ends_at <= clock_timestamp()
      ) then
        perform ports.expire(
          p_project_name, p_hostname, p_protocol, p_port_number => p_port_number
        );
      end if;
      -- The first claim has ordinal 0 and each later one a lower one, so that it comes before the
      -- ports that were allocated.
      select held.id, held.ordinal > lowest.ordinal as is_later,
        coalesce(least(lowest.ordinal, 1), 1) - 1 as next_ordinal
      into v_held
      from (
        select min(ordinal) as ordinal
        from ports.port_allocations
        where service_key = v_service_key
          and protocol = p_protocol
          and status <> 'released'
      ) as lowest
      left join lateral (
        select id, ordinal
        from ports.port_allocations
        where service_key = v_service_key
          and project_name = p_project_name
          and service_name = p_service_name
          and instance = p_instance
          and hostname = p_hostname
          and protocol = p_protocol
          and port_number = p_port_number
          and status <> 'released'
      ) as held on true;
      if v_held.id is null then
        perform ports.hold_slot(
          ports.lock_slot(
            p_project_name, p_hostname, p_protocol, p_port_number,
            coalesce(p_use_reservation, false), v_service_key, p_service_name, p_instance
          ),
          'claim_port', v_service_key, p_service_name, p_instance,
          p_service_type, p_description, p_cloudflare_hostname, null, p_actor,
          v_held.next_ordinal
        );
        return true;
      end if;

      if v_held.is_later then
        update ports.port_allocations
        set ordinal = v_held.next_ordinal
        where service_key = v_service_key
          and id = v_held.id
          and status <> 'released';
        continue when not found;
        insert into ports.port_events (
          actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
          allocation_id
        )
        values (
          p_actor, 'claim_port', 'claimed', p_project_name, p_service_name, p_instance, p_hostname,
          p_protocol, p_port_number, v_held.id
        );
      end if;
      if num_nonnulls(p_service_type, p_description, p_cloudflare_hostname) > 0 then
        perform ports.change_metadata(
          v_service_key, array[v_held.id], 'claim_port',
          ports.metadata(p_service_type, p_description, p_cloudflare_hostname), p_actor,
          p_only_missing => true
        );
      end if;
      return false;
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
    end;
  end loop;
  raise exception 'others keep giving % ports at the same time', p_service_name
    using errcode = 'serialization_failure';
end
$$;

create or replace function ports.move_port(
  p_project_name text,
  p_service_name text,
  p_port_number integer,
  p_from integer default null,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_instance text default '',
  p_actor text default null,
  p_use_reservation boolean default false,
  out moved_from integer,
  out moved boolean
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Gives the service p_port_number instead of p_from or, if that is null, instead of the number that
  -- ensure_port() returns. The new holding has an id of its own, and the metadata, the idempotency
  -- key, the lease and the place among the service's ports that the old one had. If the service does not hold
  -- p_from but holds p_port_number, `moved` is false, and so it is with nulls if it holds neither.
  --
  -- Locks the project, then both slots in the order of their numbers. Waits for concurrent
  -- transactions that take or change them. Raises ZP001, ZP003 (a service holds the number, this one
  -- included), ZP004 (it is not the project's), ZP011 (it is reserved, and p_use_reservation is not
  -- true), 55P03, and 40001 (above READ COMMITTED, or after 1000 attempts). Cost: a look at the
  -- service's ports, two slots and two events.
declare
  v_service_key bigint;
  v_now timestamptz;
  v_held ports.port_allocations;
  v_slot tid;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  p_use_reservation := coalesce(p_use_reservation, false);
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  -- Nobody offers numbers of the project meanwhile, which would need a lock between the two slots.
  update ports.projects
  set settings = settings
  where name = p_project_name;
  if not found then
    perform ports.refuse_unknown_project(p_project_name);
  end if;

  for v_attempt in 1..1000 loop
    v_now := clock_timestamp();
    select *
    into v_held
    from ports.port_allocations
    where service_key = v_service_key
      and project_name = p_project_name
      and service_name = p_service_name
      and instance = p_instance
      and hostname = p_hostname
      and protocol = p_protocol
      and status <> 'released'
      and (ends_at is null or ends_at > v_now)
      and (p_from is null or port_number in (p_from, p_port_number))
    order by p_from is not null and port_number <> p_from, ordinal
    limit 1;
    moved := false;
    moved_from := v_held.port_number;
    if v_held.id is null or v_held.port_number = p_port_number then
      -- A lease that has ended may be renewed at this moment. The next turn sees which of the two was
      -- first.
      if exists (
        select
        from ports.port_allocations
        where service_key = v_service_key
          and project_name = p_project_name
          and service_name = p_service_name
          and instance = p_instance
          and hostname = p_hostname
          and protocol = p_protocol
          and status <> 'released'
          and ends_at <= v_now
          and (p_from is null or port_number in (p_from, p_port_number))
      ) then
        perform ports.expire(
          p_project_name, p_hostname, p_protocol, p_service_keys => array[v_service_key]
        );
        continue;
      end if;
      return;
    end if;

    begin
      if p_port_number < moved_from then
        v_slot := ports.lock_slot(
          p_project_name, p_hostname, p_protocol, p_port_number, p_use_reservation, v_service_key,
          p_service_name, p_instance
        );
      end if;
      -- Locked and read again, as it may have changed, but not released yet: a claim for the service
      -- would wait for the release, and may hold the other slot.
      select *
      into v_held
      from ports.port_allocations
      where service_key = v_service_key
        and id = v_held.id
        and status <> 'released'
        and (ends_at is null or ends_at > clock_timestamp())
      for update;
      if not found then
        raise exception 'port % was released at the same time', moved_from
          using errcode = 'ZP009';
      end if;
      if v_slot is null then
        v_slot := ports.lock_slot(
          p_project_name, p_hostname, p_protocol, p_port_number, p_use_reservation, v_service_key,
          p_service_name, p_instance
        );
      end if;

      update ports.port_allocations
      set status = 'released',
        ends_at = (select clock_timestamp() + rest from ports.rests where project_name = p_project_name)
      where service_key = v_service_key
        and id = v_held.id
        and status <> 'released';
      insert into ports.port_events (
        actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
        allocation_id
      )
      values (
        p_actor, 'move_port', 'released', p_project_name, p_service_name, p_instance, p_hostname,
        p_protocol, v_held.port_number, v_held.id
      );
      perform ports.hold_slot(
        v_slot, 'move_port', v_service_key, p_service_name, p_instance, v_held.service_type,
        v_held.description, v_held.cloudflare_hostname, v_held.idempotency_key, p_actor,
        v_held.ordinal, v_held.ends_at
      );
      moved := true;
      return;
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
      when sqlstate 'ZP009' then
        if current_setting('transaction_isolation') <> 'read committed' then
          raise exception 'a port of % was released at the same time', p_service_name
            using errcode = 'serialization_failure';
        end if;
    end;
    v_slot := null;
  end loop;
  raise exception 'others keep changing the ports of % at the same time', p_service_name
    using errcode = 'serialization_failure';
end
$$;

create or replace function ports.held_slots(
  p_project_name text,
  p_service_name text,
  p_instance text,
  p_hostname text,
  p_protocol text,
  p_port_number integer
) returns bigint[]
language sql stable
begin atomic
  -- Returns the ids of a service's live allocations on a host, narrowed by protocol and number if
  -- they are given. Locks nothing. Cost: the service's rows.
  select array_agg(id)
  from ports.port_allocations
  where service_key = ports.service_key(p_project_name, p_service_name, p_instance, p_hostname)
    and project_name = p_project_name
    and service_name = p_service_name
    and instance = p_instance
    and hostname = p_hostname
    and (p_protocol is null or protocol = p_protocol)
    and (p_port_number is null or port_number = p_port_number)
    and status <> 'released'
    and (ends_at is null or ends_at > clock_timestamp());
end;

create or replace function ports.release_many(
  p_project_names text[],
  p_service_names text[],
  p_hostnames text[],
  p_protocols text[],
  p_port_numbers integer[],
  p_instances text[],
  p_actors text[]
) returns table (turn integer, released jsonb)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Does the work of several calls of release_ports() in one transaction, all or nothing. The
  -- hostnames must be in lower case.
  --
  -- Locks all allocations that they release, in the order of (host, protocol, number). Raises what
  -- release_ports() does. Cost: a row and an event for each.
declare
  v_turns bigint[];
  v_service_keys bigint[];
  v_ids bigint[];
begin
  -- Only these allocations are locked and released, not a port that a service gets after this.
  -- The keys find the rows. They are an array, because a join could read all live rows instead.
  select array_agg(first_turn), array_agg(key), array_agg(id)
  into v_turns, v_service_keys, v_ids
  from (
    select min(call.turn), key, id
    from unnest(
      p_project_names, p_service_names, p_instances, p_hostnames, p_protocols, p_port_numbers
    ) with ordinality as call (
      project_name, service_name, instance, hostname, protocol, port_number, turn
    )
    cross join lateral ports.service_key(project_name, service_name, instance, hostname) as key
    cross join lateral unnest(
      ports.held_slots(project_name, service_name, instance, hostname, protocol, port_number)
    ) as id
    group by key, id
  ) as held (first_turn, key, id);

  perform
  from ports.port_allocations
  where service_key = any (v_service_keys)
    and id = any (v_ids)
    and status <> 'released'
  order by hostname, protocol, port_number
  for update;

  return query
  with released_slots as (
    update ports.port_allocations as slot
    set status = 'released',
      ends_at = (select clock_timestamp() + rest from ports.rests where project_name = slot.project_name)
    from unnest(v_turns, v_ids) as held (first_turn, id)
    where slot.service_key = any (v_service_keys)
      and slot.id = held.id
      and status <> 'released'
    returning first_turn, slot.*
  ), told as (
    insert into ports.port_events (
      actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
      allocation_id
    )
    select p_actors[first_turn], 'release_ports', 'released', project_name, service_name, instance,
      hostname, protocol, port_number, id
    from released_slots
  )
  select
    call.turn::integer,
    coalesce(
      (
        select jsonb_agg(jsonb_build_object('portNumber', port_number, 'protocol', protocol))
        from released_slots
        where first_turn = call.turn
      ),
      '[]'
    )
  from unnest(p_project_names) with ordinality as call (project_name, turn);

  perform ports.refuse_unknown_project(project_name)
  from unnest(p_project_names) as call (project_name)
  group by project_name;
end
$$;

drop function ports.release_port(text, text, text, text, integer, text, text);

drop function ports.release_ports(text, text, text, text, integer, text, text);

create function ports.release_ports(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_actor text default null,
  p_allocation_id bigint default null
) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Releases a service's live allocations on a host, narrowed by protocol, number and id if they are
  -- given. Their numbers rest if the project has a rest. Returns them as `[{"portNumber", "protocol"}, …]`.
  --
  -- Locks them in the order of (host, protocol, number). Raises ZP001, ZP012 (an id is given, and that
  -- holding has ended), 55P03. Cost: a row and an event for each.
declare
  v_service_key bigint;
  v_count integer;
  v_id bigint;
  v_port_number integer;
  v_protocol text;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);

  -- Most services hold one port. Without others there is no order to lock them in, and one
  -- statement finds and releases it. An update that waits keeps the row locked even if it then does
  -- not change it, so this call must not lock other rows afterwards. If another transaction released
  -- the port meanwhile, this one releases nothing.
  with held as materialized (
    select id
    from ports.port_allocations
    where service_key = v_service_key
      and project_name = p_project_name
      and service_name = p_service_name
      and instance = p_instance
      and hostname = p_hostname
      and (p_protocol is null or protocol = p_protocol)
      and (p_port_number is null or port_number = p_port_number)
      and (p_allocation_id is null or id = p_allocation_id)
      and status <> 'released'
      and (ends_at is null or ends_at > clock_timestamp())
    limit 2
  ), released as (
    update ports.port_allocations
    set status = 'released',
      ends_at = (select clock_timestamp() + rest from ports.rests where project_name = p_project_name)
    where service_key = v_service_key
      and id = (
        select min(id)
        from held
        having count(*) = 1
      )
      and status <> 'released'
    returning id, port_number, protocol
  )
  select (select count(*) from held), released.*
  into v_count, v_id, v_port_number, v_protocol
  from (values (1)) as answer
  left join released on true;

  if v_count > 1 then
    return (
      select released
      from ports.release_many(
        array[p_project_name], array[p_service_name], array[p_hostname], array[p_protocol],
        array[p_port_number], array[p_instance], array[p_actor]
      )
    );
  end if;
  if v_id is null then
    perform ports.refuse_unknown_project(p_project_name);
    if p_allocation_id is not null then
      perform ports.refuse_lost(
        p_project_name, p_service_name, p_instance, p_hostname, p_allocation_id
      );
    end if;
    return '[]';
  end if;

  insert into ports.port_events (
    actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
    allocation_id
  )
  values (
    p_actor, 'release_ports', 'released', p_project_name, p_service_name, p_instance, p_hostname,
    v_protocol, v_port_number, v_id
  );
  return jsonb_build_array(
    jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol)
  );
end
$$;

create function ports.release_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_actor text default null
) returns boolean
language sql
-- Like release_ports(), but returns whether anything was released.
return jsonb_array_length(
  ports.release_ports(
    p_project_name, p_service_name, p_hostname, p_protocol, p_port_number, p_instance, p_actor
  )
) > 0;

create or replace function ports.record_health_checks(p_allocation_ids bigint[], p_verdicts text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Stores the checks of an audit and keeps the newest 100 of each allocation. Sets status and last
  -- use from `listening` and `not-listening`; `unknown` leaves them. Drops checks of allocations
  -- that were released meanwhile, and deletes all checks of holdings that have ended.
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

  insert into ports.port_health_checks (allocation_id, verdict)
  select allocation_id, verdict
  from unnest(p_allocation_ids, p_verdicts) as seen (allocation_id, verdict)
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

create or replace function ports.refuse_layout(
  p_project_name text,
  p_service_name text,
  p_instance text,
  p_hostname text,
  p_protocols text,
  p_count integer,
  p_contiguous boolean,
  p_idempotency_key text
) returns void
language plpgsql
as $$
  -- Raises ZP008 with what the service holds for these protocols, and under this key if there is
  -- one, and what was asked. Returns if it holds nothing any more. Called by functions whose search
  -- path is fixed. Locks nothing. Cost: the service's ports.
declare
  v_held json;
begin
  select json_agg(
    json_build_object('portNumber', port_number, 'protocol', protocol)
    order by port_number, protocol
  )
  into v_held
  from ports.port_allocations
  where service_key = ports.service_key(p_project_name, p_service_name, p_instance, p_hostname)
    and project_name = p_project_name
    and service_name = p_service_name
    and instance = p_instance
    and hostname = p_hostname
    and p_protocols in (protocol, 'both')
    and status <> 'released'
    and (ends_at is null or ends_at > clock_timestamp())
    and (
      p_idempotency_key is null
      or idempotency_key = p_idempotency_key
      or starts_with(idempotency_key, ports.batch_key(p_idempotency_key))
    );
  if v_held is null then
    return;
  end if;
  raise exception '% of % holds other ports than those asked for', p_service_name, p_project_name
    using
      errcode = 'ZP008',
      detail = json_build_object(
        'projectName', p_project_name,
        'serviceName', p_service_name,
        'instance', p_instance,
        'hostname', p_hostname,
        'protocols', case p_protocols
          when 'both' then '["tcp", "udp"]'
          else json_build_array(p_protocols)
        end,
        'count', p_count,
        'contiguous', p_contiguous,
        'idempotencyKey', p_idempotency_key,
        'held', v_held
      )::text;
end
$$;

drop function ports.allocate_batch(
  text, jsonb, text, text, text, text, text, text, int4multirange, int4multirange
);

create function ports.allocate_batch(
  p_project_name text,
  p_items jsonb,
  p_hostname text default 'localhost',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_instance text default '',
  p_actor text default null,
  p_avoid_tcp int4multirange default '{}',
  p_avoid_udp int4multirange default '{}',
  p_ttl integer default null
) returns table (
  turn integer,
  created boolean,
  allocation ports.port_allocations,
  passed_over integer[]
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
  -- Returns numbers of several services, and gives them what they lack: all or nothing. The items
  -- are `[{"service": …, "protocols": ["tcp"], "count": 1, "contiguous": false}, …]`; what is here
  -- can be left out. An item with two protocols gets each number for both. An item whose service
  -- holds a port there allocates nothing: it gets the first that it holds in the order of
  -- ensure_port(), or is refused. An item with `"additional": true` gets other numbers than the
  -- service holds. If it has an `"idempotencyKey"`, it gets those that the service holds under the
  -- key, if there are any. Metadata fills in what an allocation lacks and overwrites nothing. With
  -- p_ttl all of them have leases, which this call lets end p_ttl seconds from now. Numbers that rest
  -- are passed over.
  --
  -- Returns a row for each allocation, ordered by item (`turn`), number and protocol. `created`
  -- tells whether it was given now. The last new row of a protocol tells which available numbers
  -- below it are reserved or were avoided, 20 at most.
  --
  -- If something is to be given, locks the project, then takes the services in the order of their
  -- keys, and with each its slot. Waits for a concurrent transaction that gives one of the services
  -- a port. Raises ZP001 (no such project), ZP002 (an item does not fit), ZP008 (a service holds
  -- something else), 22023 (malformed items, or a lease is asked for and a port has none), 55P03, and 40001 (above READ COMMITTED, if a port was
  -- released meanwhile, or after 1000 attempts). Cost: a look at the services' ports, a slot and an
  -- event for each number given. If the lowest numbers do not do, also a look at all numbers of the
  -- project in the scope. The settings keep the planner from reading the whole table.
declare
  v_services text[];
  v_keys bigint[];
  v_protocols text[];
  v_counts integer[];
  v_contiguous boolean[];
  v_additional boolean[];
  v_idempotency_keys text[];
  v_missing integer[];
  v_refused integer;
  v_ids bigint[];
  v_tcp_ordinals integer[];
  v_udp_ordinals integer[];
  v_has_metadata boolean :=
    num_nonnulls(p_service_type, p_description, p_cloudflare_hostname) > 0;
  v_changes_held boolean := v_has_metadata or p_ttl is not null;
  v_now timestamptz;
  v_over bigint[];
  v_waited_for bigint[] := '{}';
  v_new bigint[];
  v_held ports.port_allocations[];
  v_last_tcp integer;
  v_last_udp integer;
  v_is_malformed boolean;
  v_exhausted boolean := false;
  v_attempts integer := 0;
  v_count integer;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  p_avoid_tcp := coalesce(p_avoid_tcp, '{}');
  p_avoid_udp := coalesce(p_avoid_udp, '{}');
  if p_ttl < 1 then
    perform ports.refuse_length(p_ttl);
  end if;
  select
    array_agg(service order by nth),
    array_agg(ports.service_key(p_project_name, service, p_instance, p_hostname) order by nth),
    array_agg(
      case
        when protocols @> '{tcp,udp}' then 'both'
        else coalesce(protocols[1], 'tcp')
      end
      order by nth
    ),
    array_agg(coalesce(item.count, 1) order by nth),
    array_agg(coalesce(contiguous and item.count > 1, false) order by nth),
    array_agg(coalesce(additional, false) order by nth),
    array_agg(case when additional then idempotency_key end order by nth),
    bool_or(
      service is null
      or cardinality(protocols) = 0
      or not protocols <@ '{tcp,udp}'
      or item.count < 1
    ),
    sum(coalesce(item.count, 1))
  into
    v_services, v_keys, v_protocols, v_counts, v_contiguous, v_additional, v_idempotency_keys,
    v_is_malformed, v_count
  from rows from (
    jsonb_to_recordset(p_items) as (
      service text,
      protocols text[],
      count integer,
      contiguous boolean,
      additional boolean,
      "idempotencyKey" text
    )
  ) with ordinality as item (
    service, protocols, count, contiguous, additional, idempotency_key, nth
  );
  if v_services is null or v_is_malformed or v_count > 1000 or exists (
    select
    from unnest(v_services, v_protocols) as item (service_name, protocols)
    cross join (values ('tcp'), ('udp')) as each (protocol)
    where protocols in (protocol, 'both')
    group by service_name, protocol
    having count(*) > 1
  ) then
    raise exception 'a batch has 1 to 1000 numbers, and has each service once for a protocol'
      using errcode = 'invalid_parameter_value';
  end if;

  loop
    v_attempts := v_attempts + 1;
    if v_attempts > 1000 then
      raise exception 'others keep giving ports to the services of a batch at the same time'
        using errcode = 'serialization_failure';
    end if;

    -- One statement has one snapshot, in which it sees what the services hold and which ordinals
    -- are taken.
    v_now := clock_timestamp();
    with item as (
      select *
      from unnest(
        v_services, v_keys, v_protocols, v_counts, v_contiguous, v_additional, v_idempotency_keys
      ) with ordinality as item (
        service_name, service_key, protocols, count, contiguous, additional, idempotency_key, nth
      )
    ), live as materialized (
      select *
      from ports.port_allocations
      where service_key = any (v_keys)
        and status <> 'released'
    ), newest as (
      select service_key,
        max(ordinal) filter (where protocol = 'tcp') as tcp,
        max(ordinal) filter (where protocol = 'udp') as udp
      from live
      group by service_key
    ), number as (
      select nth, live.port_number, array_agg(live.id) as ids,
        (array_agg(live.ordinal order by live.protocol))[1] as ordinal
      from item
      join live
        on live.service_key = item.service_key
        and live.service_name = item.service_name
        and item.protocols in (live.protocol, 'both')
      where live.project_name = p_project_name
        and live.instance = p_instance
        and live.hostname = p_hostname
        and (live.ends_at is null or live.ends_at > v_now)
        and (
          not additional
          or live.idempotency_key = item.idempotency_key
          or starts_with(live.idempotency_key, ports.batch_key(item.idempotency_key))
        )
      group by nth, live.port_number
    ), held as (
      select nth,
        array_agg(port_number order by number.ordinal) filter (
          where cardinality(ids) = case protocols when 'both' then 2 else 1 end
        ) as numbers
      from number
      join item using (nth)
      group by nth
    ), result as materialized (
      select nth, held.nth is null as is_missing, newest.tcp, newest.udp,
        ports.pick_numbers(numbers, count, contiguous) as picked
      from item
      left join held using (nth)
      left join newest using (service_key)
    )
    select
      array_agg(nth order by nth) filter (where is_missing),
      min(nth) filter (where not is_missing and picked is null),
      array_agg(coalesce(tcp, 0) order by nth),
      array_agg(coalesce(udp, 0) order by nth),
      array(
        select id
        from number
        join result using (nth)
        cross join lateral unnest(ids) as id
        where port_number = any (picked)
      ),
      array(select id from live where ends_at <= v_now)
    into v_missing, v_refused, v_tcp_ordinals, v_udp_ordinals, v_ids, v_over
    from result;
    if num_nonnulls(v_missing, v_refused) > 0 and not v_over <@ v_waited_for then
      -- A lease that has ended may be renewed at this moment, and cannot be afterwards. The next turn
      -- sees which of the two was first. It begins without locks, so that it takes them in their order.
      begin
        perform
        from ports.port_allocations
        where service_key = any (v_keys)
          and id = any (v_over)
          and status <> 'released'
        order by hostname, protocol, port_number
        for update;
        raise exception 'the leases are not locked any more'
          using errcode = 'ZP009';
      exception
        when sqlstate 'ZP009' then
          v_waited_for := v_waited_for || v_over;
      end;
      continue;
    end if;
    if v_refused is not null then
      perform ports.refuse_layout(
        p_project_name, v_services[v_refused], p_instance, p_hostname, v_protocols[v_refused],
        v_counts[v_refused], v_contiguous[v_refused], v_idempotency_keys[v_refused]
      );
      continue;
    end if;

    v_new := '{}';
    if v_missing is null and not v_changes_held then
      v_held := array(
        select held
        from ports.port_allocations as held
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released'
      );
      exit when cardinality(v_held) = cardinality(v_ids);
      if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a port of % was released at the same time', p_project_name
          using errcode = 'serialization_failure';
      end if;
      continue;
    end if;

    -- The slots are locked in the block that takes them, because a lock from another subtransaction
    -- would need a multixact.
    begin
      -- What is held is locked before slots are taken: a release that looked earlier may wait for one
      -- of the slots while it has locked what is held. The project comes first, as everywhere.
      if v_changes_held and cardinality(v_ids) > 0 then
        if v_missing is not null then
          update ports.projects
          set settings = settings
          where name = p_project_name;
        end if;
        perform
        from ports.port_allocations
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released'
        order by hostname, protocol, port_number
        for update;
      end if;
      if v_missing is not null and exists (
        select
        from ports.port_allocations
        where project_name = p_project_name
          and hostname = p_hostname
          and ends_at <= v_now
      ) then
        perform ports.expire(p_project_name, p_hostname, 'tcp', p_avoid_tcp);
        perform ports.expire(p_project_name, p_hostname, 'udp', p_avoid_udp);
      end if;
      if v_missing is not null then
        v_new := array(
          select ports.hold_slots(
            array_agg(slot),
            'allocate_batch',
            array_agg(v_keys[nth]),
            array_agg(v_services[nth]),
            array_agg(
              place + case protocol when 'tcp' then v_tcp_ordinals[nth] else v_udp_ordinals[nth] end
            ),
            array_agg(
              case place
                when 1 then v_idempotency_keys[nth]
                else ports.batch_key(v_idempotency_keys[nth]) || place
              end
            ),
            array_agg(p_instance),
            array_agg(p_service_type),
            array_agg(p_description),
            array_agg(p_cloudflare_hostname),
            p_actor,
            clock_timestamp() + make_interval(secs => p_ttl)
          )
          from (
            select locked.slot, locked.protocol, locked.turn as nth,
              row_number() over (
                partition by locked.turn, locked.protocol order by locked.port_number
              )::integer as place
            from ports.lock_batch(
              p_project_name, p_hostname, v_missing,
              array(select v_services[missing] from unnest(v_missing) as missing),
              array(select v_protocols[missing] from unnest(v_missing) as missing),
              array(select v_counts[missing] from unnest(v_missing) as missing),
              array(select v_contiguous[missing] from unnest(v_missing) as missing),
              p_avoid_tcp, p_avoid_udp
            ) as locked
          ) as taken
        );
      end if;
      if p_ttl is not null then
        perform ports.refuse_durable(held, p_ttl)
        from ports.port_allocations as held
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released';
        update ports.port_allocations
        set ends_at = clock_timestamp() + make_interval(secs => p_ttl)
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released'
          and ends_at > clock_timestamp();
      end if;
      if v_has_metadata then
        perform ports.change_metadata(
          service_key, v_ids, 'allocate_batch',
          ports.metadata(p_service_type, p_description, p_cloudflare_hostname), p_actor,
          p_only_missing => true
        )
        from (select distinct unnest(v_keys)) as key (service_key);
      end if;
      v_ids := v_ids || v_new;
      v_held := array(
        select held
        from ports.port_allocations as held
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released'
          and (ends_at is null or ends_at > clock_timestamp())
      );
      exit when cardinality(v_held) = cardinality(v_ids);
      -- Another transaction has released one of them since the look. The next attempt begins without
      -- locks, so that it takes them in their order.
      raise exception 'a port of % was released at the same time', p_project_name
        using errcode = 'ZP009';
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(v_services[v_missing[1]]);
      when sqlstate 'ZP002' then
        -- Another transaction may have got the last numbers for these services.
        if v_exhausted then
          raise;
        end if;
        v_exhausted := true;
      when sqlstate 'ZP009' then
        if current_setting('transaction_isolation') <> 'read committed' then
          raise exception 'a port of % was released at the same time', p_project_name
            using errcode = 'serialization_failure';
        end if;
    end;
  end loop;

  if not (isempty(p_avoid_tcp) and isempty(p_avoid_udp))
    or exists (select from ports.port_reservations)
  then
    select
      max(port_number) filter (where protocol = 'tcp'),
      max(port_number) filter (where protocol = 'udp')
    into v_last_tcp, v_last_udp
    from ports.port_allocations
    where id = any (v_new);
  end if;
  return query
  select item.nth::integer, held.id = any (v_new), held,
    case
      when held.protocol = 'tcp' and held.port_number = v_last_tcp then
        ports.avoided_numbers(p_project_name, p_hostname, 'tcp', v_last_tcp, p_avoid_tcp)
      when held.protocol = 'udp' and held.port_number = v_last_udp then
        ports.avoided_numbers(p_project_name, p_hostname, 'udp', v_last_udp, p_avoid_udp)
      else '{}'
    end
  from unnest(v_held) as held
  join unnest(v_services, v_protocols) with ordinality as item (service_name, protocols, nth)
    on item.service_name = held.service_name
    and item.protocols in (held.protocol, 'both')
  order by item.nth, held.port_number, held.protocol;
end
$$;

create or replace function ports.import_ports(
  p_rows json,
  p_skip_conflicts boolean default false,
  p_dry_run boolean default false,
  p_actor text default null
) returns table (
  turn integer,
  outcome text,
  changes boolean,
  creates_range boolean,
  adds_metadata boolean,
  instead_of integer,
  conflict json
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
set enable_seqscan = off
set enable_nestloop = off
set enable_mergejoin = off
set jit = off
as $$
  -- Gives the number of each row to its service, as claim_port() does. A number that no project owns
  -- first becomes a range of the project, on the row's host if `boundTo` names it. Returns one row
  -- for each, by its place in the list: `claimed`, `held` (by that service already) or `conflict`
  -- with the detail of ZP003, ZP005 or ZP011. Of several numbers of one service, the first is from
  -- then on the one that ensure_port() returns; `instead_of` is the one that it returned before. If
  -- there is a conflict, changes nothing unless `p_skip_conflicts`. A dry run changes nothing and
  -- returns the same.
  --
  -- Takes lock_ranges(), and locks the projects by name, then the slots, then takes them in the order
  -- of the services' keys, then locks the rows that are held by (host, protocol, number). Waits for
  -- concurrent transactions that take or change these rows or give ports to the services. Raises
  -- ZP004 (`boundTo` is not the row's host), 23514 (a value that the tables refuse), 55P03, and 40001
  -- as claim_port() does. Cost: a look, a slot and an event for each row, a range and an event for
  -- each range, and a look at all numbers that are free or held. The settings keep the planner from
  -- comparing each row with all ranges and all numbers, which it takes to be few in a registry that
  -- is new, and from compiling the plans that this leaves.
declare
  v_row record;
  v_open bigint[];
  v_unowned bigint[];
  v_creators bigint[];
  v_created bigint[] := '{}';
  v_range_ids bigint[] := '{}';
  v_given bigint[];
  v_place bigint;
  v_slots tid[];
  v_keys bigint[];
  v_names text[];
  v_ordinals integer[];
  v_instances text[];
  v_types text[];
  v_descriptions text[];
  v_hostnames text[];
  v_attempts integer := 0;
  -- By the place of the row.
  v_answers integer[];
  v_outcomes text[] := array_fill(null::text, array[json_array_length(p_rows)]);
  v_completed boolean[] := array_fill(null::boolean, array[json_array_length(p_rows)]);
  v_conflicts json[] := array_fill(null::json, array[json_array_length(p_rows)]);
begin
  perform ports.lock_ranges();
  for v_row in
    select distinct project_name
    from ports.rows_to_import(p_rows, v_outcomes)
    order by project_name
  loop
    update ports.projects
    set settings = settings
    where name = v_row.project_name;
  end loop;

  select array_agg(answer.port_number order by place)
  into v_answers
  from ports.rows_to_import(p_rows, v_outcomes) as imported
  left join lateral (
    select held.port_number
    from ports.port_allocations as held
    where held.service_key = imported.service_key
      and held.project_name = imported.project_name
      and held.service_name = imported.service_name
      and held.instance = imported.instance
      and held.hostname = imported.hostname
      and held.protocol = imported.protocol
      and held.status <> 'released'
      and (held.ends_at is null or held.ends_at > now())
    order by held.ordinal
    limit 1
  ) as answer on true;

  begin
    if exists (
      select
      from ports.port_allocations
      where project_name in (select project_name from ports.rows_to_import(p_rows, v_outcomes))
        and ends_at <= clock_timestamp()
    ) then
      -- What is held is locked first, because after expire() nothing may be waited for.
      perform
      from ports.rows_to_import(p_rows, v_outcomes) as imported
      join ports.port_allocations as held
        on held.hostname = imported.hostname
        and held.protocol = imported.protocol
        and held.port_number = imported.port_number
        and held.status in ('allocated', 'in_use')
      order by held.hostname, held.protocol, held.port_number
      for update of held;
      for v_row in
        select distinct project_name
        from ports.rows_to_import(p_rows, v_outcomes)
        order by project_name
      loop
        perform ports.expire(v_row.project_name, null, null);
      end loop;
    end if;
    for v_row in
      select place, detail
      from ports.reserved_rows(p_rows, v_outcomes)
    loop
      v_outcomes[v_row.place] := 'conflict';
      v_conflicts[v_row.place] := v_row.detail;
    end loop;
    -- A number that rests is available to the service that held it last.
    update ports.port_allocations as resting
    set ends_at = null
    from ports.rows_to_import(p_rows, v_outcomes) as imported
    where resting.status = 'released'
      and resting.ends_at is not null
      and resting.service_key = imported.service_key
      and resting.project_name = imported.project_name
      and resting.service_name = imported.service_name
      and resting.instance = imported.instance
      and resting.hostname = imported.hostname
      and resting.protocol = imported.protocol
      and resting.port_number = imported.port_number
      and imported.result is null;

    v_open := array(
      select place
      from ports.rows_to_import(p_rows, v_outcomes)
      where result is null
    );
    while cardinality(v_open) > 0 loop
      v_unowned := '{}';
      for v_row in
        select place, (
          select ports.overlap_detail(
            imported.project_name, imported.port_number, imported.port_number, imported.bound_to,
            other
          )
          from ports.range_in_the_way(
            imported.project_name, imported.port_number, imported.port_number, imported.bound_to
          ) as other
        ) as detail
        from ports.rows_to_import(p_rows, v_outcomes) as imported
        join unnest(v_open) as place using (place)
        where not ports.owns_number(project_name, hostname, port_number)
      loop
        if v_row.detail is null then
          v_unowned := v_unowned || v_row.place;
        else
          v_outcomes[v_row.place] := 'conflict';
          v_conflicts[v_row.place] := v_row.detail;
        end if;
      end loop;

      -- Of the rows of one number, those for every host come before those for one host, so that
      -- those lie in the range of these. The other rows are looked at again in the next turn.
      v_creators := array(
        select distinct on (port_number, bound_to) place
        from (
          select *, bool_or(bound_to is null) over (partition by port_number) as has_unbound
          from ports.rows_to_import(p_rows, v_outcomes)
          join unnest(v_unowned) as place using (place)
        ) as unowned
        where has_unbound = (bound_to is null)
        order by port_number, bound_to, place
      );
      insert into ports.projects (name)
      select distinct project_name
      from ports.rows_to_import(p_rows, v_outcomes)
      join unnest(v_creators) as place using (place)
      order by project_name
      on conflict (name) do nothing;
      -- Not insert_range(), which updates the project and its cursors for each range.
      with created as (
        insert into ports.port_ranges (project_name, start_port, end_port, hostname)
        select project_name, port_number, port_number, bound_to
        from ports.rows_to_import(p_rows, v_outcomes)
        join unnest(v_creators) as place using (place)
        order by place
        returning id
      )
      select v_range_ids || array_agg(id order by id)
      into v_range_ids
      from created;
      v_created := v_created || v_creators;
      v_open := array(
        select unnest(v_unowned)
        except
        select unnest(v_creators)
      );
    end loop;
    perform ports.offer_again_from(project_name, hostname, min(start_port))
    from ports.port_ranges
    where id = any (v_range_ids)
    group by project_name, hostname;
    perform ports.note_range_change(
      p_actor, 'import_ports', 'range-created', range.project_name, null, ports.bounds_of(range)
    )
    from ports.port_ranges as range
    where id = any (v_range_ids);

    while exists (
      select
      from ports.rows_to_import(p_rows, v_outcomes)
      where result is null
    ) loop
      v_attempts := v_attempts + 1;
      if v_attempts > 1000 then
        raise exception 'others keep taking and releasing the ports at the same time'
          using errcode = 'serialization_failure';
      end if;

      -- The slots are locked in the block that takes them, because a lock from another
      -- subtransaction would need a multixact.
      begin
        -- A number without a slot cannot become held while its project is locked.
        insert into ports.port_allocations (project_name, hostname, protocol, port_number)
        select distinct project_name, hostname, protocol, port_number
        from ports.rows_to_import(p_rows, v_outcomes) as imported
        where result is null
          and not exists (
            select
            from ports.free_slots as known
            where known.project_name = imported.project_name
              and known.hostname = imported.hostname
              and known.protocol = imported.protocol
              and known.port_number = imported.port_number
          )
          and not exists (
            select
            from ports.port_allocations as held
            where held.hostname = imported.hostname
              and held.protocol = imported.protocol
              and held.port_number = imported.port_number
              and held.status in ('allocated', 'in_use')
          )
        order by hostname, protocol, port_number;

        -- The first row of a service gets the lowest ordinal, as if it were claimed last.
        with imported as materialized (
          select distinct on (hostname, protocol, port_number) *
          from ports.rows_to_import(p_rows, v_outcomes)
          where result is null
            and place not in (
              select reserved.place
              from ports.reserved_rows(p_rows, v_outcomes) as reserved
            )
          order by hostname, protocol, port_number, place
        ), locked as materialized (
          select imported.*, slot.slot
          from imported
          join ports.available_slots as slot
            on slot.project_name = imported.project_name
            and slot.hostname = imported.hostname
            and slot.protocol = imported.protocol
            and slot.port_number = imported.port_number
          order by imported.hostname, imported.protocol, imported.port_number
          for update of slot
        ), numbered as (
          select locked.*,
            coalesce(least(lowest.ordinal, 1), 1)
              - row_number() over (
                partition by locked.service_key, locked.protocol order by place desc
              )::integer as ordinal
          from locked
          cross join lateral (
            select min(held.ordinal) as ordinal
            from ports.port_allocations as held
            where held.service_key = locked.service_key
              and held.protocol = locked.protocol
              and held.status <> 'released'
          ) as lowest
        )
        select
          array_agg(place), array_agg(slot), array_agg(service_key), array_agg(service_name),
          array_agg(ordinal), array_agg(instance), array_agg(service_type),
          array_agg(description), array_agg(cloudflare_hostname)
        into
          v_given, v_slots, v_keys, v_names, v_ordinals, v_instances, v_types, v_descriptions,
          v_hostnames
        from numbered;
        perform ports.hold_slots(
          v_slots, 'import_ports', v_keys, v_names, v_ordinals, '{}', v_instances, v_types,
          v_descriptions, v_hostnames, p_actor
        );
      exception
        when unique_violation then
          perform ports.refuse_invisible_winner(v_names[1]);
          continue;
      end;
      foreach v_place in array coalesce(v_given, '{}') loop
        v_outcomes[v_place] := 'claimed';
      end loop;

      -- Rows without a slot are held or, if a service released a reserved number meanwhile, reserved.
      -- Those that were released meanwhile are for the next attempt.
      for v_row in
        select reserved.place, reserved.detail
        from ports.reserved_rows(p_rows, v_outcomes) as reserved
      loop
        v_outcomes[v_row.place] := 'conflict';
        v_conflicts[v_row.place] := v_row.detail;
      end loop;
      for v_row in
        select imported.place, held
        from ports.rows_to_import(p_rows, v_outcomes) as imported
        join ports.port_allocations as held
          on held.hostname = imported.hostname
          and held.protocol = imported.protocol
          and held.port_number = imported.port_number
          and held.status in ('allocated', 'in_use')
        where result is null
          and (held.project_name, held.service_name, held.instance)
            <> (imported.project_name, imported.service_name, imported.instance)
        union all
        select imported.place, resting
        from ports.rows_to_import(p_rows, v_outcomes) as imported
        join ports.port_allocations as resting
          on resting.project_name = imported.project_name
          and resting.hostname = imported.hostname
          and resting.protocol = imported.protocol
          and resting.port_number = imported.port_number
          and resting.status = 'released'
          and resting.ends_at is not null
        where result is null
          and (resting.service_name, resting.instance) <> (imported.service_name, imported.instance)
      loop
        v_outcomes[v_row.place] := 'conflict';
        v_conflicts[v_row.place] := ports.taken_detail(v_row.held);
      end loop;
      -- Locked, so that nobody releases them before the end.
      for v_row in
        select imported.place, imported.service_key, held.id,
          ports.metadata(
            case when held.service_type is null then imported.service_type end,
            case when held.description is null then imported.description end,
            case when held.cloudflare_hostname is null then imported.cloudflare_hostname end
          ) as missing
        from ports.rows_to_import(p_rows, v_outcomes) as imported
        join ports.port_allocations as held
          on held.project_name = imported.project_name
          and held.service_name = imported.service_name
          and held.instance = imported.instance
          and held.hostname = imported.hostname
          and held.protocol = imported.protocol
          and held.port_number = imported.port_number
          and held.status in ('allocated', 'in_use')
        where result is null
        order by held.hostname, held.protocol, held.port_number
        for update of held
      loop
        v_outcomes[v_row.place] := 'held';
        if v_row.missing is not null then
          v_completed[v_row.place] := true;
          perform ports.change_metadata(
            v_row.service_key, array[v_row.id], 'import_ports', v_row.missing, p_actor,
            p_only_missing => true
          );
        end if;
      end loop;
    end loop;

    -- The number 1 lies below all ranges.
    insert into ports.port_cursors (project_name, hostname, protocol, next_port)
    select distinct project_name, hostname, protocol, 1
    from ports.rows_to_import(p_rows, v_outcomes)
    where result = 'claimed'
    on conflict (project_name, hostname, protocol) do nothing;

    for v_row in
      select first.*
      from (
        select distinct on (
          service_key, project_name, service_name, instance, hostname, protocol
        ) *
        from ports.rows_to_import(p_rows, v_outcomes)
        where result <> 'conflict'
        order by service_key, project_name, service_name, instance, hostname, protocol, place
      ) as first
      where port_number <> (
        select held.port_number
        from ports.port_allocations as held
        where held.service_key = first.service_key
          and held.project_name = first.project_name
          and held.service_name = first.service_name
          and held.instance = first.instance
          and held.hostname = first.hostname
          and held.protocol = first.protocol
          and held.status <> 'released'
        order by held.ordinal
        limit 1
      )
      order by hostname, protocol, port_number
    loop
      -- It holds the number, which is locked.
      perform ports.claim_port(
        v_row.project_name, v_row.service_name, v_row.port_number, v_row.hostname,
        v_row.protocol, p_instance => v_row.instance, p_actor => p_actor
      );
    end loop;

    if p_dry_run or ('conflict' = any (v_outcomes) and not p_skip_conflicts) then
      -- Ends the block, and so undoes what it did. The variables keep what it found.
      raise exception 'nothing is to be changed'
        using errcode = 'ZP009';
    end if;
  exception
    when sqlstate 'ZP009' then
      null;
  end;

  return query
  with imported as (
    select *, place = min(place) filter (where rows.result <> 'conflict') over (
      partition by service_key, project_name, service_name, instance, hostname, protocol
    ) as is_answer
    from ports.rows_to_import(p_rows, v_outcomes) as rows
  ), found as (
    select *, case when is_answer then nullif(answer, port_number) end as replaced
    from imported
    join unnest(v_answers, v_completed, v_conflicts)
      with ordinality as found (answer, is_completed, detail, place) using (place)
    left join unnest(v_created) as created (place_of_range) on place_of_range = place
  )
  select found.place::integer, found.result,
    found.result = 'claimed' or is_completed is not null or replaced is not null,
    place_of_range is not null, is_completed is not null, replaced, detail
  from found
  order by found.place;
end
$$;

create or replace function ports.load_registry(
  p_document json,
  p_default_ranges json default '[]',
  p_actor text default null
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Puts what dump_registry() returned into a registry that holds no port. Ids are kept, and the
  -- sequences go on beyond them. Deletes those of the default ranges that are the only range of their
  -- project; other ranges stay. The checkouts of the document's projects replace those that are
  -- recorded, and the reservations of the document all that are there.
  --
  -- Takes lock_ranges(). Raises ZP005 (ranges of the document overlap others; the detail has the
  -- first ten and their count), ZP010 (the registry holds ports; likewise), ZP004, 23505 and 23514 (a
  -- document that no registry wrote), 55P03. Cost: the rows of the document.
declare
  v_count bigint;
  v_holders json;
  v_project_name text;
  v_range record;
  v_other ports.port_ranges;
  v_overlaps json[] := '{}';
begin
  perform ports.lock_ranges();
  -- From here on nobody can offer numbers or, above READ COMMITTED, allocate.
  for v_project_name in
    select name
    from ports.projects
    order by name
  loop
    perform ports.expire(v_project_name, null, null);
  end loop;
  if exists (
    select
    from ports.port_allocations
    where status <> 'released'
      and ends_at <= clock_timestamp()
  ) then
    raise exception 'ports whose leases have ended stay locked by others'
      using errcode = 'lock_not_available';
  end if;
  select count(*)
  into v_count
  from ports.port_allocations
  where status <> 'released';
  if v_count > 0 then
    select json_agg(json_build_object(
      'projectName', project_name,
      'serviceName', service_name,
      'instance', instance,
      'portNumber', port_number,
      'hostname', hostname,
      'protocol', protocol
    ))
    into v_holders
    from (
      select *
      from ports.port_allocations
      where status <> 'released'
      order by port_number, hostname, protocol
      limit 10
    ) as first_ten;
    raise exception 'the registry holds % ports', v_count
      using
        errcode = 'ZP010',
        detail = json_build_object('count', v_count, 'holders', v_holders)::text;
  end if;

  -- No two events and no two rows ever have the same id: not the events that are there already, those
  -- of the ranges that are deleted now, and the slots that are then given to the holdings.
  perform ports.advance_ids('ports.port_events', p_document -> 'events');
  perform ports.advance_ids('ports.port_allocations', p_document -> 'allocations');
  update ports.port_events as event
  set id = nextval(pg_get_serial_sequence('ports.port_events', 'id'))
  where event.id <= (
    select max(id)
    from json_to_recordset(p_document -> 'events') as loaded (id bigint)
  );

  perform ports.delete_range(project_name, p_actor)
  from (
    select project_name
    from ports.port_ranges
    group by project_name
    having count(*) = 1
      and (project_name::text, min(start_port), max(end_port)) in (
        select "projectName", "startPort", "endPort"
        from json_to_recordset(p_default_ranges)
          as standard ("projectName" text, "startPort" integer, "endPort" integer)
      )
    order by project_name
  ) as unused;

  insert into ports.projects as project (name, settings, created_at, rest_seconds)
  select "projectName", settings, "createdAt", coalesce("restSeconds", 0)
  from json_to_recordset(p_document -> 'projects') as loaded (
    "projectName" text,
    settings jsonb,
    "createdAt" timestamptz,
    "restSeconds" integer
  )
  order by "projectName"
  on conflict (name) do update
  set settings = excluded.settings,
    created_at = excluded.created_at,
    rest_seconds = excluded.rest_seconds;

  for v_range in
    select *
    from json_to_recordset(p_document -> 'ranges') as loaded (
      "projectName" text,
      "startPort" integer,
      "endPort" integer,
      hostname text,
      description text,
      "createdAt" timestamptz
    )
  loop
    select *
    into v_other
    from ports.range_in_the_way(
      v_range."projectName", v_range."startPort", v_range."endPort", v_range.hostname
    );
    if found then
      v_overlaps := v_overlaps || ports.overlap_detail(
        v_range."projectName", v_range."startPort", v_range."endPort", v_range.hostname, v_other
      );
      continue;
    end if;
    insert into ports.port_ranges (
      project_name, start_port, end_port, hostname, description, created_at
    )
    values (
      v_range."projectName", v_range."startPort", v_range."endPort", v_range.hostname,
      v_range.description, v_range."createdAt"
    );
    perform ports.offer_again_from(
      v_range."projectName", v_range.hostname, v_range."startPort"
    );
  end loop;
  if cardinality(v_overlaps) > 0 then
    raise exception 'of the ranges of the document, % overlap others', cardinality(v_overlaps)
      using
        errcode = 'ZP005',
        detail = json_build_object(
          'count', cardinality(v_overlaps),
          'overlaps', v_overlaps[1:10]
        )::text;
  end if;

  delete from ports.project_checkouts
  where project_name in (
    select "projectName"
    from json_to_recordset(p_document -> 'projects') as loaded ("projectName" text)
  );
  insert into ports.project_checkouts (project_name, hostname, directory, instance, created_at)
  select "projectName", hostname, directory, instance, "createdAt"
  from json_to_recordset(p_document -> 'checkouts') as loaded (
    "projectName" text,
    hostname text,
    directory text,
    instance text,
    "createdAt" timestamptz
  );

  delete from ports.port_reservations;
  insert into ports.port_reservations (
    start_port, end_port, hostname, protocol, reason, actor, created_at, ends_at
  )
  select "startPort", "endPort", hostname, protocol, reason, "reservedBy", "createdAt", "endsAt"
  from json_to_recordset(p_document -> 'reservations') as loaded (
    "startPort" integer,
    "endPort" integer,
    hostname text,
    protocol text,
    reason text,
    "reservedBy" text,
    "createdAt" timestamptz,
    "endsAt" timestamptz
  );

  delete from ports.port_allocations
  where status = 'released';
  insert into ports.port_allocations (project_name, hostname, protocol, port_number)
  select "projectName", hostname, protocol, "portNumber"
  from json_to_recordset(p_document -> 'allocations')
    as held ("projectName" text, hostname text, protocol text, "portNumber" integer)
  order by hostname, protocol, "portNumber";
  update ports.port_allocations as slot
  set id = held.id,
    status = held.status,
    service_key = ports.service_key(
      held."projectName", held."serviceName", held.instance, held.hostname
    ),
    service_name = held."serviceName",
    instance = held.instance,
    ordinal = held.ordinal,
    service_type = held."serviceType",
    description = held.description,
    cloudflare_hostname = held."cloudflareHostname",
    idempotency_key = held."idempotencyKey",
    allocated_at = held."allocatedAt",
    last_used_at = held."lastUsedAt",
    ends_at = held."leaseEndsAt"
  from json_to_recordset(p_document -> 'allocations') as held (
    id bigint,
    "projectName" text,
    "serviceName" text,
    instance text,
    hostname text,
    protocol text,
    "portNumber" integer,
    status text,
    ordinal integer,
    "serviceType" text,
    description text,
    "cloudflareHostname" text,
    "idempotencyKey" text,
    "allocatedAt" timestamptz,
    "lastUsedAt" timestamptz,
    "leaseEndsAt" timestamptz
  )
  where slot.project_name = held."projectName"
    and slot.hostname = held.hostname
    and slot.protocol = held.protocol
    and slot.port_number = held."portNumber"
    and slot.status = 'released';

  insert into ports.port_allocations (
    project_name, service_name, instance, hostname, protocol, port_number, service_key, ends_at
  )
  select
    "projectName", "serviceName", instance, hostname, protocol, "portNumber",
    ports.service_key("projectName", "serviceName", instance, hostname), "restsUntil"
  from json_to_recordset(p_document -> 'resting') as resting (
    "projectName" text,
    "serviceName" text,
    instance text,
    hostname text,
    protocol text,
    "portNumber" integer,
    "restsUntil" timestamptz
  )
  order by hostname, protocol, "portNumber";

  insert into ports.port_events (
    id, occurred_at, actor, role_name, call, what, project_name, service_name, instance, hostname,
    protocol, port_number, allocation_id, before, after
  )
  select
    id, "occurredAt", actor, "roleName", call, what, "projectName", "serviceName", instance,
    hostname, protocol, "portNumber", "allocationId", before, after
  from json_to_recordset(p_document -> 'events') as event (
    id bigint,
    "occurredAt" timestamptz,
    actor text,
    "roleName" name,
    call text,
    what text,
    "projectName" text,
    "serviceName" text,
    instance text,
    hostname text,
    protocol text,
    "portNumber" integer,
    "allocationId" bigint,
    before jsonb,
    after jsonb
  );
end
$$;

create or replace function ports.dump_registry() returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns the whole registry but for health checks, free slots and hosts. One statement has one
  -- snapshot, so that it is the state of one moment. Locks nothing. Cost: all rows.
  select json_build_object(
    'projects', (
      select coalesce(
        json_agg(
          json_strip_nulls(json_build_object(
            'projectName', name,
            'settings', settings,
            'createdAt', created_at,
            'restSeconds', nullif(rest_seconds, 0)
          ))
          order by name
        ),
        '[]'
      )
      from ports.projects
    ),
    'ranges', (
      select coalesce(
        json_agg(
          json_strip_nulls(json_build_object(
            'projectName', project_name,
            'startPort', start_port,
            'endPort', end_port,
            'hostname', hostname,
            'description', description,
            'createdAt', created_at
          ))
          order by start_port, hostname
        ),
        '[]'
      )
      from ports.port_ranges
    ),
    'checkouts', (
      select coalesce(
        json_agg(
          json_build_object(
            'projectName', project_name,
            'hostname', hostname,
            'directory', directory,
            'instance', instance,
            'createdAt', created_at
          )
          order by project_name, hostname, instance
        ),
        '[]'
      )
      from ports.project_checkouts
    ),
    'reservations', (
      select coalesce(
        json_agg(
          json_strip_nulls(json_build_object(
            'startPort', start_port,
            'endPort', end_port,
            'hostname', hostname,
            'protocol', protocol,
            'reason', reason,
            'reservedBy', actor,
            'createdAt', created_at,
            'endsAt', ends_at
          ))
          order by start_port, end_port, hostname, protocol
        ),
        '[]'
      )
      from ports.reservations
    ),
    'allocations', (
      select coalesce(
        json_agg(
          json_strip_nulls(json_build_object(
            'id', id,
            'projectName', project_name,
            'serviceName', service_name,
            'instance', instance,
            'hostname', hostname,
            'protocol', protocol,
            'portNumber', port_number,
            'status', status,
            'ordinal', ordinal,
            'serviceType', service_type,
            'description', description,
            'cloudflareHostname', cloudflare_hostname,
            'idempotencyKey', idempotency_key,
            'allocatedAt', allocated_at,
            'lastUsedAt', last_used_at,
            'leaseEndsAt', ends_at
          ))
          order by port_number, protocol, hostname
        ),
        '[]'
      )
      from ports.port_allocations
      where status <> 'released'
        and (ends_at is null or ends_at > now())
    ),
    'resting', (
      select coalesce(
        json_agg(
          json_build_object(
            'projectName', project_name,
            'serviceName', service_name,
            'instance', instance,
            'hostname', hostname,
            'protocol', protocol,
            'portNumber', port_number,
            'restsUntil', free_at
          )
          order by port_number, protocol, hostname
        ),
        '[]'
      )
      from ports.ending_slots
      where free_at > now()
        and (status = 'released' or ends_at <= now())
    ),
    'events', (
      select coalesce(
        json_agg(
          json_strip_nulls(json_build_object(
            'id', id,
            'occurredAt', occurred_at,
            'actor', actor,
            'roleName', role_name,
            'call', call,
            'what', what,
            'projectName', project_name,
            'serviceName', service_name,
            'instance', instance,
            'hostname', hostname,
            'protocol', protocol,
            'portNumber', port_number,
            'allocationId', allocation_id,
            'before', before,
            'after', after
          ))
          order by xid, id
        ),
        '[]'
      )
      from ports.port_events
    )
  );
end;

revoke all on all functions in schema ports from public;
