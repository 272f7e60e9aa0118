-- Finds the live rows of a service only by its key, and those of a number only by the number.
--
-- The planner takes an index that was empty at the last ANALYZE for as cheap as any other. In a
-- registry in which little was held it searched services by host, through the index of live
-- numbers, and then every call read all numbers held on its host. The conditions of the two indexes
-- are written differently now, and a search names the one that it means: `status <> 'released'` for
-- services, `status in ('allocated', 'in_use')` for numbers.
drop index ports.port_allocations_live_port;

-- Invariant: no two live allocations share (hostname, protocol, port).
create unique index port_allocations_live_port
  on ports.port_allocations (hostname, protocol, port_number)
  where status in ('allocated', 'in_use');

create or replace function ports.numbers_to_offer(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_limit integer
) returns setof integer
language sql stable
begin atomic
  -- Returns the lowest numbers at or above the scope's cursor that nobody holds. Locks nothing.
  -- Cost: the numbers returned and the live rows above the cursor.
  select number
  from ports.port_ranges as range
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
  where range.project_name = p_project_name
    and not exists (
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
      from ports.port_ranges as range
      join ports.port_allocations as held
        on held.hostname = v_scope.hostname
        and held.protocol = v_scope.protocol
        and held.port_number between range.start_port and range.end_port
      where range.project_name = p_project_name
        and held.status in ('allocated', 'in_use')
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

create or replace function ports.count_available(p_project_name text, p_hostname text, p_protocol text)
returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns how many numbers of the project are available in the scope. Locks nothing. Cost: the
  -- free slots, and the live rows above the cursor.
  select (
    (
      select count(*)
      from ports.available_slots
      where project_name = p_project_name
        and hostname = lower(p_hostname)
        and protocol = p_protocol
    ) + (
      select coalesce(sum(unoffered.ports), 0)
      from ports.port_ranges as range
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
      where range.project_name = p_project_name
        and first_port <= end_port
    )
  )::integer;
end;

drop function ports.change_metadata(bigint[], text, jsonb, text, boolean);

create function ports.change_metadata(
  p_service_key bigint,
  p_allocation_ids bigint[],
  p_call text,
  p_change jsonb,
  p_actor text,
  p_only_missing boolean default false
) returns integer
language plpgsql
as $$
  -- Changes allocations of one service. Sets the fields that the change names, and clears those that are null there. With
  -- p_only_missing it sets only fields that have no value. Returns how many of the allocations are
  -- still live. Called by functions whose search path is fixed.
  --
  -- Locks the allocations in the order of (host, protocol, number). Cost: a lock for each, and an
  -- update and an event for each that changes.
declare
  v_before ports.port_allocations;
  v_after ports.port_allocations;
  v_count integer := 0;
begin
  for v_before in
    select *
    from ports.port_allocations
    where service_key = p_service_key
      and id = any (p_allocation_ids)
      and status <> 'released'
    order by hostname, protocol, port_number
    for update
  loop
    v_count := v_count + 1;
    v_after := v_before;
    if p_change ? 'serviceType' and (not p_only_missing or v_before.service_type is null) then
      v_after.service_type := p_change ->> 'serviceType';
    end if;
    if p_change ? 'description' and (not p_only_missing or v_before.description is null) then
      v_after.description := p_change ->> 'description';
    end if;
    if p_change ? 'cloudflareHostname' and (not p_only_missing or v_before.cloudflare_hostname is null) then
      v_after.cloudflare_hostname := p_change ->> 'cloudflareHostname';
    end if;
    continue when v_after is not distinct from v_before;

    update ports.port_allocations
    set service_type = v_after.service_type,
      description = v_after.description,
      cloudflare_hostname = v_after.cloudflare_hostname
    where service_key = p_service_key
      and id = v_before.id
      and status <> 'released';
    insert into ports.port_events (
      actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
      allocation_id, before, after
    )
    values (
      p_actor, p_call, 'updated', v_before.project_name, v_before.service_name, v_before.instance,
      v_before.hostname, v_before.protocol, v_before.port_number, v_before.id,
      ports.metadata(
        v_before.service_type, v_before.description, v_before.cloudflare_hostname
      ),
      ports.metadata(v_after.service_type, v_after.description, v_after.cloudflare_hostname)
    );
  end loop;
  return v_count;
end
$$;

revoke all on function ports.change_metadata(bigint, bigint[], text, jsonb, text, boolean) from public;

create or replace function ports.get_or_allocate_port(
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
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns the oldest live port of the service in that scope, or gives it one. Metadata fills in
  -- what the allocation lacks and overwrites nothing.
  --
  -- If the service has no port, locks, raises and costs what allocate_port() does. Otherwise it
  -- costs one look, and if metadata is given, it locks that row and raises 55P03.
declare
  v_service_key bigint;
  v_oldest record;
  v_exhausted boolean := false;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    -- One statement has one snapshot, in which it sees that the service has no port and which
    -- ordinals are taken.
    select oldest.*, newest.ordinal as newest_ordinal
    into v_oldest
    from (
      select max(ordinal) as ordinal
      from ports.port_allocations
      where service_key = v_service_key
        and protocol = p_protocol
        and status <> 'released'
    ) as newest
    left join lateral (
      select id, port_number, service_type, description, cloudflare_hostname
      from ports.port_allocations
      where service_key = v_service_key
        and project_name = p_project_name
        and service_name = p_service_name
        and instance = p_instance
        and hostname = p_hostname
        and protocol = p_protocol
        and status <> 'released'
      order by ordinal
      limit 1
    ) as oldest on true;
    if v_oldest.id is not null then
      if num_nonnulls(p_service_type, p_description, p_cloudflare_hostname) > 0 then
        perform ports.change_metadata(
          v_service_key, array[v_oldest.id], 'get_or_allocate_port',
          ports.metadata(p_service_type, p_description, p_cloudflare_hostname), p_actor,
          p_only_missing => true
        );
      end if;
      return v_oldest.port_number;
    end if;

    begin
      return ports.hold_slot(
        ports.lock_lowest_slot(p_project_name, p_hostname, p_protocol),
        'get_or_allocate_port', v_service_key, p_service_name, p_instance,
        p_service_type, p_description, p_cloudflare_hostname, null, p_actor,
        1 + coalesce(v_oldest.newest_ordinal, 0)
      );
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
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

create or replace function ports.update_ports(
  p_project_name text,
  p_service_name text,
  p_change jsonb,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_actor text default null
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Changes the metadata of a service's live allocations on a host, narrowed by protocol and number
  -- if they are given. The change is `{"serviceType": text or null, "description": …,
  -- "cloudflareHostname": …}`. Returns how many allocations there are.
  --
  -- Locks them in the order of (host, protocol, number). Raises ZP001, 55P03. Cost: the
  -- allocations.
declare
  v_count integer;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_count := ports.change_metadata(
    ports.service_key(p_project_name, p_service_name, p_instance, p_hostname),
    ports.held_slots(
      p_project_name, p_service_name, p_instance, p_hostname, p_protocol, p_port_number
    ),
    'update_ports', p_change, p_actor
  );
  if v_count = 0 then
    perform ports.refuse_unknown_project(p_project_name);
  end if;
  return v_count;
end
$$;

create or replace function ports.release_ports(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_actor text default null
) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Releases a service's live allocations on a host, narrowed by protocol and number if they are
  -- given. Returns them as `[{"portNumber", "protocol"}, …]`.
  --
  -- Locks them in the order of (host, protocol, number). Raises ZP001, 55P03. Cost: a row and an
  -- event for each.
declare
  v_service_key bigint;
  v_id bigint;
  v_port_number integer;
  v_protocol text;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);

  -- Most services hold one port. Without others there is no order to lock them in, and one
  -- statement finds and releases it.
  update ports.port_allocations
  set status = 'released'
  where service_key = v_service_key
    and project_name = p_project_name
    and service_name = p_service_name
    and instance = p_instance
    and hostname = p_hostname
    and (p_protocol is null or protocol = p_protocol)
    and (p_port_number is null or port_number = p_port_number)
    and status <> 'released'
    and 1 = (
      select count(*)
      from (
        select
        from ports.port_allocations
        where service_key = v_service_key
          and status <> 'released'
        limit 2
      ) as held
    )
  returning id, port_number, protocol into v_id, v_port_number, v_protocol;
  if not found then
    return (
      select released
      from ports.release_many(
        array[p_project_name], array[p_service_name], array[p_hostname], array[p_protocol],
        array[p_port_number], array[p_instance], array[p_actor]
      )
    );
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
    set status = 'released'
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
