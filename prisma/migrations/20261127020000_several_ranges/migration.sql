-- Lets a project own several ranges, and binds a range to a host.

-- A null hostname means every host: a range without bounds overlaps every value.
create type ports.hostrange as range (subtype = text, collation = "C");

alter table ports.port_ranges
  -- The only host on which the project owns the numbers. Null if it owns them on every host.
  add column hostname ports.hostname,
  drop constraint port_ranges_disjoint,
  add constraint port_ranges_disjoint exclude using gist (
    int4range(start_port, end_port, '[]') with &&,
    ports.hostrange(hostname, hostname, '[]') with &&
  );

create or replace view ports.ranges as
  select
    id,
    project_name::text as project_name,
    start_port,
    end_port,
    description::text as description,
    created_at,
    hostname::text as hostname
  from ports.port_ranges;

create function ports.ranges_in(p_project_name text, p_hostname text)
returns table (start_port integer, end_port integer)
language sql stable
begin atomic
  -- Returns the ranges whose numbers the project may take on that host: those bound to it and those
  -- bound to none. Locks nothing. Cost: the ranges of the project.
  select range.start_port, range.end_port
  from ports.port_ranges as range
  where range.project_name = p_project_name
    and (range.hostname is null or range.hostname = p_hostname);
end;

create or replace function ports.numbers_to_offer(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_limit integer
) returns setof integer
language sql stable
begin atomic
  -- Returns the lowest numbers at or above the scope's cursor that nobody holds. Locks nothing.
  -- Cost: the ranges, the numbers returned and the live rows above the cursor.
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
    select count(*)::integer as ports
    from ports.port_allocations
    where hostname = p_hostname
      and protocol = p_protocol
      and port_number between first_port and end_port
      and status in ('allocated', 'in_use')
  ) as held
  cross join lateral generate_series(first_port, least(end_port, first_port + p_limit + held.ports - 1))
    as number
  where not exists (
    select
    from ports.port_allocations as live
    where live.hostname = p_hostname
      and live.protocol = p_protocol
      and live.port_number = number
      and live.status in ('allocated', 'in_use')
  )
  order by number
  limit p_limit;
end;

create or replace function ports.count_available(
  p_project_name text,
  p_hostname text,
  p_protocol text
) returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns how many numbers of the project are available in the scope. Locks nothing. Cost: the
  -- ranges, the free slots, and the live rows above the cursor.
  select (
    (
      select count(*)
      from ports.available_slots
      where project_name = p_project_name
        and hostname = lower(p_hostname)
        and protocol = p_protocol
    ) + (
      select coalesce(sum(unoffered.ports), 0)
      from ports.ranges_in(p_project_name, lower(p_hostname)) as range
      cross join lateral (
        select greatest(
          range.start_port,
          (
            select next_port
            from ports.port_cursors
            where project_name = p_project_name
              and hostname = lower(p_hostname)
              and protocol = p_protocol
          )
        ) as first_port
      ) as cursor
      cross join lateral (
        select end_port - first_port + 1 - (
          select count(*)
          from ports.port_allocations
          where hostname = lower(p_hostname)
            and protocol = p_protocol
            and port_number between first_port and end_port
            and status in ('allocated', 'in_use')
        ) - (
          select count(*)
          from ports.port_allocations
          where project_name = p_project_name
            and hostname = lower(p_hostname)
            and protocol = p_protocol
            and port_number between first_port and end_port
            and status = 'released'
        ) as ports
      ) as unoffered
      where first_port <= end_port
    )
  )::integer;
end;

create or replace function ports.collect_idle_slots(p_project_name text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
  -- Deletes the free slots of scopes in which the project holds nothing. Each scope that is new to
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
    if exists (
      select
      from ports.ranges_in(p_project_name, v_scope.hostname) as range
      join ports.port_allocations as held
        on held.hostname = v_scope.hostname
        and held.protocol = v_scope.protocol
        and held.port_number between range.start_port and range.end_port
      where held.status in ('allocated', 'in_use')
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
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number = number
        and status = 'released'
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

create or replace function ports.provide_slots(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_count integer
) returns void
language plpgsql
as $$
  -- Offers numbers until the scope has p_count free slots or all its numbers were offered. Called
  -- by functions whose search path is fixed.
  --
  -- Locks the project's row if it offers numbers. Raises ZP001. Cost: p_count slots.
declare
  v_next_port integer;
  v_before integer;
  v_is_first boolean := true;
  v_slots integer;
begin
  loop
    v_before := v_next_port;
    select next_port
    into v_next_port
    from ports.port_cursors
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol;

    select count(*)
    into v_slots
    from (
      select
      from ports.available_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number < v_next_port
      limit p_count
    ) as slot;
    exit when v_slots >= p_count;
    -- A scope in which there is nothing to offer has no cursor before and after.
    exit when v_next_port is not distinct from v_before and not v_is_first;
    v_is_first := false;
    perform ports.offer_ports(p_project_name, p_hostname, p_protocol, v_next_port);
  end loop;
end
$$;

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
  -- but those to avoid. One statement reads slots, cursor and ranges, so that it sees them at one
  -- moment. Cost: a few lookups and the free slots to avoid.
declare
  v_ranges json;
begin
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
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and not (port_number <@ p_avoid)
    )
    and not exists (
      select
      from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 1)
    );
  if not found then
    return;
  end if;

  perform ports.refuse_unknown_project(p_project_name);
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
        'avoided', ports.count_available(p_project_name, p_hostname, p_protocol)
      )::text;
end
$$;

drop function ports.refuse_outside(text, integer);

create function ports.refuse_outside(
  p_project_name text,
  p_hostname text,
  p_port_number integer
) returns void
language plpgsql
as $$
  -- Raises ZP001 if there is no such project, and ZP004 if the number is not in its ranges on that
  -- host, with the project whose number it is there. Locks nothing. Called by functions whose search
  -- path is fixed. Cost: one look at the ranges.
begin
  if exists (
    select
    from ports.ranges_in(p_project_name, p_hostname)
    where p_port_number between start_port and end_port
  ) then
    return;
  end if;
  perform ports.refuse_unknown_project(p_project_name);
  raise exception 'port % lies outside the ranges of % on %',
    p_port_number, p_project_name, p_hostname
    using
      errcode = 'ZP004',
      detail = json_build_object(
        'portNumber', p_port_number,
        'projectName', p_project_name,
        'hostname', p_hostname,
        'owner', (
          select project_name
          from ports.port_ranges
          where p_port_number between start_port and end_port
            and (hostname is null or hostname = p_hostname)
        ),
        'ranges', (
          select coalesce(
            json_agg(
              json_build_object('startPort', start_port, 'endPort', end_port)
              order by start_port
            ),
            '[]'
          )
          from ports.ranges_in(p_project_name, p_hostname)
        )
      )::text;
end
$$;

create or replace function ports.lock_slot(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer
) returns tid
language plpgsql
as $$
  -- Returns the slot of one number, locked until commit. Makes the slot if the number was not
  -- offered yet. Called by functions whose search path is fixed.
  --
  -- Locks the slot, and waits for a transaction that is taking it. If it makes the slot, it first
  -- locks the project's row. Raises ZP001, ZP003 (somebody holds the number), ZP004 (it is not the
  -- project's), 55P03. Cost: one slot; the first in a scope also collects idle slots.
declare
  v_slot tid;
  v_locked boolean := false;
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
      return v_slot;
    end if;
    perform ports.refuse_outside(p_project_name, p_hostname, p_port_number);
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

create or replace function ports.clear_outside(p_project_name text) returns void
language plpgsql
as $$
  -- Deletes a project's free slots outside its ranges. Called by functions whose search path is
  -- fixed and which have locked the ranges and the project.
  --
  -- Locks those slots. Raises ZP006 if a number outside is held, with the first ten holders and
  -- their count; 55P03 if others keep the slots locked. Cost: the rows outside.
declare
  v_holders json;
  v_count bigint;
begin
  loop
    delete from ports.port_allocations as outside
    where project_name = p_project_name
      and status = 'released'
      and not exists (
        select
        from ports.ranges_in(outside.project_name, outside.hostname) as range
        where outside.port_number between range.start_port and range.end_port
      );

    with outside as (
      select service_name, instance, port_number, hostname, protocol
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
    into v_count, v_holders;
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
      from ports.port_allocations as outside
      where project_name = p_project_name
        and status = 'released'
        and not exists (
          select
          from ports.ranges_in(outside.project_name, outside.hostname) as range
          where outside.port_number between range.start_port and range.end_port
        )
    );
  end loop;
end
$$;

create function ports.range_in_the_way(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text,
  p_range_id bigint default null
) returns setof ports.port_ranges
language sql stable
as $$
  -- Returns the range other than `p_range_id` that overlaps these numbers on that host or, if that is
  -- null, on any. Of several it is one of the project, then the lowest. Returns none for bounds that
  -- no range can have, which the table refuses. Locks nothing. Cost: a look into the index of the
  -- exclusion constraint, which guarantees that ranges are disjoint. Called by functions whose
  -- search path is fixed. Its body is text, so that it returns also the columns that are added later.
  select other.*
  from ports.port_ranges as other
  where int4range(other.start_port, other.end_port, '[]')
      && case
        when p_start_port <= p_end_port and p_end_port <= 65535
        then int4range(p_start_port, p_end_port, '[]')
      end
    and ports.hostrange(other.hostname, other.hostname, '[]')
      && ports.hostrange(p_hostname, p_hostname, '[]')
    and other.id is distinct from p_range_id
  order by other.project_name = p_project_name desc, other.start_port
  limit 1
$$;

create function ports.owns_number(
  p_project_name text,
  p_hostname text,
  p_port_number integer
) returns boolean
language plpgsql stable
as $$
  -- Returns whether the number lies in a range of the project on that host. Called by functions
  -- whose search path is fixed. Locks nothing. Cost: one look.
begin
  return exists (
    select
    from ports.range_in_the_way(p_project_name, p_port_number, p_port_number, p_hostname)
    where project_name = p_project_name
  );
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
      from ports.port_allocations as free
      where free.project_name = inserted.project_name
        and free.hostname = inserted.hostname
        and free.protocol = inserted.protocol
        and free.port_number = inserted.port_number
        and free.status = 'released'
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

create or replace function ports.bounds_of(p_range ports.port_ranges) returns jsonb
language sql stable
return jsonb_strip_nulls(jsonb_build_object(
  'startPort', p_range.start_port,
  'endPort', p_range.end_port,
  'hostname', p_range.hostname,
  'description', p_range.description
));

create function ports.overlap_detail(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text,
  p_other ports.port_ranges
) returns json
language sql stable
-- The detail of ZP005: the range in the way, and the one that was wanted.
return json_build_object(
  'projectName', p_other.project_name,
  'startPort', p_other.start_port,
  'endPort', p_other.end_port,
  'hostname', p_other.hostname,
  'wanted', json_strip_nulls(json_build_object(
    'projectName', p_project_name,
    'startPort', p_start_port,
    'endPort', p_end_port,
    'hostname', p_hostname
  ))
);

create function ports.raise_overlap(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text,
  p_other ports.port_ranges
) returns void
language plpgsql
as $$
  -- Raises ZP005, which names the range in the way. Called by functions whose search path is fixed.
begin
  raise exception 'range %-% of % overlaps %-% of %',
    p_start_port, p_end_port, p_project_name,
    p_other.start_port, p_other.end_port, p_other.project_name
    using
      errcode = 'ZP005',
      detail = ports.overlap_detail(
        p_project_name, p_start_port, p_end_port, p_hostname, p_other
      )::text;
end
$$;

drop function ports.refuse_overlap(text, integer, integer, bigint);

create function ports.refuse_overlap(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text,
  p_range_id bigint default null
) returns void
language plpgsql
as $$
  -- Raises ZP005 if a range is in the way. Locks nothing. Called by functions whose search path is
  -- fixed.
declare
  v_other ports.port_ranges;
begin
  select *
  into v_other
  from ports.range_in_the_way(p_project_name, p_start_port, p_end_port, p_hostname, p_range_id);
  if found then
    perform ports.raise_overlap(p_project_name, p_start_port, p_end_port, p_hostname, v_other);
  end if;
end
$$;

create function ports.refuse_second_range(
  p_project_name text,
  p_start_port integer default null,
  p_end_port integer default null,
  p_hostname text default null
) returns void
language plpgsql
as $$
  -- Raises ZP005 if the project has a range. Locks nothing. Called by functions whose search path is
  -- fixed.
declare
  v_other ports.port_ranges;
begin
  select *
  into v_other
  from ports.port_ranges
  where project_name = p_project_name
  order by start_port
  limit 1;
  if found then
    perform ports.raise_overlap(p_project_name, p_start_port, p_end_port, p_hostname, v_other);
  end if;
end
$$;

create function ports.offer_again_from(
  p_project_name text,
  p_hostname text,
  p_port_number integer
) returns void
language plpgsql
as $$
  -- The project got numbers at or above this one, on one host or, if that is null, on all. The
  -- cursors above it go back, so that the numbers are offered. Called by functions whose search path
  -- is fixed and which have locked the project. Cost: the scopes of the project.
begin
  update ports.port_cursors
  set next_port = p_port_number
  where project_name = p_project_name
    and (p_hostname is null or hostname = p_hostname)
    and next_port > p_port_number;
end
$$;

create function ports.insert_range(
  p_call text,
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text,
  p_description text,
  p_actor text
) returns ports.port_ranges
language plpgsql
as $$
  -- Gives the project a range, and makes the project if there is none. Called by functions whose
  -- search path is fixed and which have called lock_ranges().
  --
  -- Locks the project. Raises ZP005, 23514 (a name or bounds that the tables refuse), 55P03. Cost:
  -- one row, one event, and a row for each scope of the project.
declare
  v_range ports.port_ranges;
begin
  perform ports.refuse_overlap(p_project_name, p_start_port, p_end_port, p_hostname);
  insert into ports.projects as project (name)
  values (p_project_name)
  on conflict (name) do update
  set settings = project.settings;
  insert into ports.port_ranges (project_name, start_port, end_port, hostname, description)
  values (p_project_name, p_start_port, p_end_port, p_hostname, p_description)
  returning * into v_range;
  perform ports.offer_again_from(p_project_name, p_hostname, p_start_port);
  perform ports.note_range_change(
    p_actor, p_call, 'range-created', p_project_name, null, ports.bounds_of(v_range)
  );
  return v_range;
end
$$;

drop function ports.create_range(text, integer, integer, text, text);

create function ports.create_range(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_description text default null,
  p_actor text default null,
  p_hostname text default null
) returns ports.port_ranges
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Creates the first range of a project, on one host or, if that is null, on all.
  --
  -- Takes lock_ranges(). Raises ZP005 (overlap, or the project has a range), and what insert_range()
  -- does. Cost: that of insert_range().
begin
  perform ports.lock_ranges();
  p_hostname := lower(p_hostname);
  perform ports.refuse_second_range(p_project_name, p_start_port, p_end_port, p_hostname);
  return ports.insert_range(
    'create_range', p_project_name, p_start_port, p_end_port, p_hostname, p_description, p_actor
  );
end
$$;

create function ports.add_range(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_hostname text default null,
  p_description text default null,
  p_actor text default null
) returns ports.port_ranges
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Gives a project one more range or its first, on one host or, if that is null, on all.
  --
  -- Takes lock_ranges(). Raises and costs what insert_range() does.
begin
  perform ports.lock_ranges();
  return ports.insert_range(
    'add_range', p_project_name, p_start_port, p_end_port, lower(p_hostname), p_description, p_actor
  );
end
$$;

create function ports.lowest_free_block(
  p_size integer,
  p_lowest integer,
  p_highest integer,
  p_avoid integer[]
) returns integer
language sql stable
begin atomic
  -- Returns the start of the lowest block of `p_size` numbers from `p_lowest` to `p_highest` that
  -- starts on a multiple of `p_size`, overlaps no range of any host and contains none of the numbers
  -- to avoid; null if there is none. Locks nothing. Cost: one look at each range.
  --
  -- One gap lies before each range, and one between the last range and `p_highest`. A number to
  -- avoid is like a range of one number.
  select candidate
  from (
    select
      greatest(
        p_lowest,
        1 + max(end_port) over (
          order by start_port
          rows between unbounded preceding and 1 preceding
        )
      ) as earliest,
      least(p_highest, start_port - 1) as latest
    from (
      select start_port, end_port
      from ports.port_ranges
      union all
      select number, number
      from unnest(p_avoid) as number
      union all
      select p_highest + 1, p_highest
    ) as taken
  ) as gap
  cross join lateral (select (earliest + p_size - 1) / p_size * p_size as candidate) as aligned
  where candidate + p_size - 1 <= latest
  order by candidate
  limit 1;
end;

drop function ports.create_next_range(text, integer, integer, integer, text, text);

create function ports.create_next_range(
  p_project_name text,
  p_size integer,
  p_lowest integer,
  p_highest integer,
  p_description text default null,
  p_actor text default null,
  p_avoid integer[] default '{}',
  p_hostname text default null
) returns ports.port_ranges
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Creates the first range of a project at lowest_free_block(), on one host or, if that is null, on
  -- all. Returns null if there is no such block.
  --
  -- Locks and raises what create_range() does. Cost: one look at each range, and that of
  -- create_range().
declare
  v_start integer;
  v_range ports.port_ranges;
begin
  perform ports.lock_ranges();
  perform ports.refuse_second_range(p_project_name);
  v_start := ports.lowest_free_block(p_size, p_lowest, p_highest, p_avoid);
  if v_start is not null then
    v_range := ports.create_range(
      p_project_name, v_start, v_start + p_size - 1, p_description, p_actor, p_hostname
    );
  end if;
  return v_range;
end
$$;

create function ports.find_range(
  p_project_name text,
  p_start_port integer,
  p_hostname text
) returns ports.port_ranges
language plpgsql
as $$
  -- Returns the range of the project that starts at that number, if it is given, and is bound to
  -- that host, if it is given. Locks nothing. Called by functions whose search path is fixed.
  --
  -- Raises ZP001, and ZP007 if there is no such range or several, with all ranges of the project.
declare
  v_ranges ports.port_ranges[];
begin
  v_ranges := array(
    select range
    from ports.port_ranges as range
    where project_name = p_project_name
      and (p_start_port is null or start_port = p_start_port)
      and (p_hostname is null or hostname = p_hostname)
  );
  if cardinality(v_ranges) = 1 then
    return v_ranges[1];
  end if;
  perform ports.refuse_unknown_project(p_project_name);
  raise exception '% ranges of % start at %', cardinality(v_ranges), p_project_name, p_start_port
    using
      errcode = 'ZP007',
      detail = json_build_object(
        'projectName', p_project_name,
        'startPort', p_start_port,
        'hostname', p_hostname,
        'ranges', (
          select json_agg(ports.bounds_of(range) order by start_port, hostname)
          from ports.port_ranges as range
          where project_name = p_project_name
        )
      )::text;
end
$$;

drop function ports.resize_range(text, integer, integer, text);

create function ports.resize_range(
  p_project_name text,
  p_start_port integer,
  p_end_port integer,
  p_actor text default null,
  p_from integer default null,
  p_hostname text default null
) returns ports.port_ranges
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Changes the bounds of a project's range: of its only one, or of that which find_range() finds
  -- for the start `p_from` and the host. Numbers that are added below others are offered before
  -- them.
  --
  -- Takes lock_ranges(), and locks the project and the free slots outside. A concurrent allocation
  -- of such a slot either commits first, and the change is refused, or finds its slot gone. Raises
  -- ZP001, ZP005, ZP006 (held numbers would lie outside), ZP007, 23514, 55P03. Cost: the slots
  -- outside, and a row for each scope of the project.
declare
  v_before ports.port_ranges;
  v_after ports.port_ranges;
begin
  perform ports.lock_ranges();
  update ports.projects
  set settings = settings
  where name = p_project_name;
  v_before := ports.find_range(p_project_name, p_from, lower(p_hostname));
  perform ports.refuse_overlap(
    p_project_name, p_start_port, p_end_port, v_before.hostname, v_before.id
  );

  update ports.port_ranges
  set start_port = p_start_port,
    end_port = p_end_port
  where id = v_before.id
  returning * into v_after;
  perform ports.clear_outside(p_project_name);
  if p_start_port < v_before.start_port then
    perform ports.offer_again_from(p_project_name, v_before.hostname, p_start_port);
  elsif p_end_port > v_before.end_port then
    perform ports.offer_again_from(
      p_project_name, v_before.hostname, greatest(p_start_port, v_before.end_port + 1)
    );
  end if;
  if v_after is distinct from v_before then
    perform ports.note_range_change(
      p_actor, 'resize_range', 'range-resized', p_project_name,
      ports.bounds_of(v_before), ports.bounds_of(v_after)
    );
  end if;
  return v_after;
end
$$;

create function ports.delete_ranges_of(
  p_call text,
  p_project_name text,
  p_range_ids bigint[],
  p_actor text
) returns void
language plpgsql
as $$
  -- Deletes ranges of a project with their slots, and with its last range the project. Called by
  -- functions whose search path is fixed and which have called lock_ranges() and locked the project.
  --
  -- Locks the slots. Raises ZP006 (the project holds numbers of them), 55P03. Cost: the slots.
declare
  v_range ports.port_ranges;
begin
  for v_range in
    delete from ports.port_ranges
    where id = any (p_range_ids)
    returning *
  loop
    perform ports.note_range_change(
      p_actor, p_call, 'range-deleted', p_project_name, ports.bounds_of(v_range), null
    );
  end loop;
  perform ports.clear_outside(p_project_name);
  delete from ports.projects
  where name = p_project_name
    and not exists (
      select
      from ports.port_ranges
      where project_name = p_project_name
    );
end
$$;

create or replace function ports.delete_range(p_project_name text, p_actor text default null)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Deletes a project, its ranges and its slots.
  --
  -- Takes lock_ranges(), and locks the project. Raises ZP001, and what delete_ranges_of() does. Cost:
  -- the rows of the project.
begin
  perform ports.lock_ranges();
  update ports.projects
  set settings = settings
  where name = p_project_name;
  if not found then
    perform ports.refuse_unknown_project(p_project_name);
  end if;
  perform ports.delete_ranges_of(
    'delete_range', p_project_name,
    array(
      select id
      from ports.port_ranges
      where project_name = p_project_name
    ),
    p_actor
  );
end
$$;

create function ports.remove_range(
  p_project_name text,
  p_start_port integer,
  p_hostname text default null,
  p_actor text default null
) returns ports.port_ranges
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Deletes the range that find_range() finds, and returns it. With its last range the project is
  -- deleted.
  --
  -- Takes lock_ranges(), and locks the project. Raises ZP001, ZP007, and what delete_ranges_of()
  -- does. Cost: that of delete_ranges_of().
declare
  v_range ports.port_ranges;
begin
  perform ports.lock_ranges();
  update ports.projects
  set settings = settings
  where name = p_project_name;
  v_range := ports.find_range(p_project_name, p_start_port, lower(p_hostname));
  perform ports.delete_ranges_of('remove_range', p_project_name, array[v_range.id], p_actor);
  return v_range;
end
$$;

create function ports.ensure_range(
  p_project_name text,
  p_size integer,
  p_lowest integer,
  p_highest integer,
  p_avoid integer[],
  p_description text default null,
  p_actor text default null
) returns table (range ports.port_ranges, created boolean)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns the lowest range of the project, or creates one as create_next_range() does. Returns no
  -- row if the project has none and no block is free.
  --
  -- If the project has a range, locks nothing and costs one look. Otherwise locks, raises and costs
  -- what create_next_range() does, and above READ COMMITTED raises 40001 if another transaction
  -- created one at the same time.
begin
  select *
  into range
  from ports.port_ranges
  where project_name = p_project_name
  order by start_port
  limit 1;
  created := false;
  if not found then
    perform ports.lock_ranges();
    select *
    into range
    from ports.port_ranges
    where project_name = p_project_name
    order by start_port
    limit 1;
    if not found then
      range := ports.create_next_range(
        p_project_name, p_size, p_lowest, p_highest, p_description, p_actor, p_avoid
      );
      created := true;
    end if;
  end if;
  if range.id is not null then
    return next;
  end if;
end
$$;

revoke all on all functions in schema ports from public;
