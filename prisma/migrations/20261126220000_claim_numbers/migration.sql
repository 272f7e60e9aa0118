-- Gives a service the number that it asks for, and keeps numbers out of automatic allocation.
drop function ports.allocate_port(
  text, text, text, text, text, text, text, text, text, text
);
drop function ports.get_or_allocate_port(text, text, text, text, text, text, text, text, text);
drop function ports.allocate_ports(
  text[], text[], text[], text[], text[], text[], text[], text[], text[]
);
drop function ports.lock_lowest_slot(text, text, text, boolean);
drop function ports.refuse_exhausted(text, text, text);

create function ports.refuse_exhausted(
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
  select json_agg(
    json_build_object('startPort', start_port, 'endPort', end_port)
    order by start_port
  )
  into v_ranges
  from ports.port_ranges
  where project_name = p_project_name
    and not exists (
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

  if v_ranges is not null then
    raise exception 'no port of % is available on %/%', p_project_name, p_hostname, p_protocol
      using
        errcode = 'ZP002',
        detail = json_build_object(
          'projectName', p_project_name,
          'ranges', v_ranges,
          'hostname', p_hostname,
          'protocol', p_protocol,
          'avoided', ports.count_available(p_project_name, p_hostname, p_protocol)
        )::text;
  end if;
  perform ports.refuse_unknown_project(p_project_name);
end
$$;

create function ports.lock_lowest_slot(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_avoid int4multirange,
  p_holds_others boolean default false
) returns tid
language plpgsql
as $$
  -- Returns the lowest available slot that nobody else is taking, locked until commit. Skips the
  -- numbers to avoid. If others
  -- are taking the lowest few, it returns one from a random place among those offered, because
  -- callers that skip each other's slots slow each other down. Called by functions whose search
  -- path is fixed.
  --
  -- Locks one slot, with SKIP LOCKED. If it finds none, it offers numbers, which waits for the
  -- project's row. Raises ZP001, ZP002 (none is available), 55P03 (others keep the last ones
  -- locked), and above READ COMMITTED 40001 (they changed since the transaction began). A caller
  -- that holds other slots must not wait for the project, so it gets 40001 instead. Cost: one slot
  -- and the free slots to avoid below it; if many callers take slots at once, a look at some of
  -- theirs.
declare
  v_next_port integer;
  v_lowest integer;
  v_slot tid;
  v_first integer;
  v_end integer;
  v_misses integer := 0;
begin
  loop
    select slot, port_number
    into v_slot, v_lowest
    from ports.available_slots
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol
      and port_number < (
        select next_port
        from ports.port_cursors
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
      )
      and not (port_number <@ p_avoid)
    order by port_number
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
    if v_lowest is null then
      perform ports.refuse_exhausted(p_project_name, p_hostname, p_protocol, p_avoid);
    else
      for v_first, v_end in
        values
          (v_lowest + 1, least(v_lowest + 8, v_next_port)),
          (v_lowest + floor(random() * (v_next_port - v_lowest))::integer, v_next_port),
          (v_lowest, v_next_port)
      loop
        select slot
        into v_slot
        from ports.available_slots
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
          and port_number >= v_first
          and port_number < v_end
          and not (port_number <@ p_avoid)
        order by port_number
        limit 1
        for update skip locked;
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

create function ports.refuse_taken(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer
) returns void
language plpgsql
as $$
  -- Raises ZP003 if a service holds the number in that scope, with the holder and the nearest
  -- available numbers of the project. Locks nothing. Called by functions whose search path is
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
    return;
  end if;
  raise exception 'port % is held by % of % on %/%',
    p_port_number, v_held.service_name, v_held.project_name, p_hostname, p_protocol
    using
      errcode = 'ZP003',
      detail = json_build_object(
        'portNumber', p_port_number,
        'hostname', p_hostname,
        'protocol', p_protocol,
        'projectName', v_held.project_name,
        'serviceName', v_held.service_name,
        'instance', v_held.instance,
        'allocatedAt', v_held.allocated_at,
        'lastUsedAt', v_held.last_used_at,
        'nearest', (
          select coalesce(json_agg(number order by number), '[]')
          from (
            select number
            from (
              select port_number as number
              from ports.available_slots
              where project_name = p_project_name
                and hostname = p_hostname
                and protocol = p_protocol
              union
              select number
              from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 65535) as number
            ) as available
            order by abs(number - p_port_number), number
            limit 3
          ) as nearby
        )
      )::text;
end
$$;

create function ports.refuse_outside(p_project_name text, p_port_number integer) returns void
language plpgsql
as $$
  -- Raises ZP001 if there is no such project, and ZP004 if the number is not in its ranges, with
  -- the project whose number it is. Locks nothing. Called by functions whose search path is fixed.
  -- Cost: one look at the ranges.
begin
  if exists (
    select
    from ports.port_ranges
    where project_name = p_project_name
      and p_port_number between start_port and end_port
  ) then
    return;
  end if;
  perform ports.refuse_unknown_project(p_project_name);
  raise exception 'port % lies outside the ranges of %', p_port_number, p_project_name
    using
      errcode = 'ZP004',
      detail = json_build_object(
        'portNumber', p_port_number,
        'projectName', p_project_name,
        'owner', (
          select project_name
          from ports.port_ranges
          where p_port_number between start_port and end_port
        ),
        'ranges', (
          select json_agg(
            json_build_object('startPort', start_port, 'endPort', end_port)
            order by start_port
          )
          from ports.port_ranges
          where project_name = p_project_name
        )
      )::text;
end
$$;

create function ports.lock_slot(
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
    perform ports.refuse_outside(p_project_name, p_port_number);
    perform ports.refuse_taken(p_project_name, p_hostname, p_protocol, p_port_number);

    if v_locked then
      insert into ports.port_cursors (project_name, hostname, protocol, next_port)
      select p_project_name, p_hostname, p_protocol, min(start_port)
      from ports.port_ranges
      where project_name = p_project_name
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
  p_avoid int4multirange default '{}'
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Gives the service one more port: the lowest available number of the project in that scope
  -- that is not to be avoided. With
  -- an idempotency key, returns the port that the service holds under it, if there is one.
  --
  -- Locks one slot until commit. Waits for a concurrent transaction that gives the same service a
  -- port. Raises ZP001 (no such project), ZP002 (no number is available), 55P03 (others hold what
  -- it needs), and 40001 (above READ COMMITTED, or after 1000 attempts that others were ahead of).
  -- Cost: that of lock_lowest_slot() and hold_slot().
declare
  v_service_key bigint;
  v_port integer;
  v_exhausted boolean := false;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  p_avoid := coalesce(p_avoid, '{}');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    if p_idempotency_key is not null then
      select port_number
      into v_port
      from ports.port_allocations
      where service_key = v_service_key
        and project_name = p_project_name
        and service_name = p_service_name
        and instance = p_instance
        and hostname = p_hostname
        and protocol = p_protocol
        and idempotency_key = p_idempotency_key
        and status <> 'released';
      if found then
        return v_port;
      end if;
    end if;

    -- The slot is locked in the block that takes it, because a lock from another subtransaction
    -- would need a multixact.
    begin
      return ports.hold_slot(
        ports.lock_lowest_slot(p_project_name, p_hostname, p_protocol, p_avoid),
        'allocate_port', v_service_key, p_service_name, p_instance,
        p_service_type, p_description, p_cloudflare_hostname, p_idempotency_key, p_actor
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
  -- and overwrites nothing.
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
  p_avoid := coalesce(p_avoid, '{}');
  created := false;
  passed_over := '{}';
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
      select id, held.port_number, service_type, description, cloudflare_hostname
      from ports.port_allocations as held
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
      port_number := v_oldest.port_number;
      return;
    end if;

    begin
      port_number := ports.hold_slot(
        case
          when p_preferred_port is null
          then ports.lock_lowest_slot(p_project_name, p_hostname, p_protocol, p_avoid)
          else ports.lock_slot(p_project_name, p_hostname, p_protocol, p_preferred_port)
        end,
        'get_or_allocate_port', v_service_key, p_service_name, p_instance,
        p_service_type, p_description, p_cloudflare_hostname, null, p_actor,
        1 + coalesce(v_oldest.newest_ordinal, 0)
      );
      created := true;
      if p_preferred_port is null and not isempty(p_avoid) then
        passed_over := array(
          select slot.port_number
          from ports.available_slots as slot
          where slot.project_name = p_project_name
            and slot.hostname = p_hostname
            and slot.protocol = p_protocol
            and slot.port_number < ensure_port.port_number
            and slot.port_number <@ p_avoid
          order by slot.port_number
          limit 20
        );
      end if;
      return;
    exception
      when unique_violation then
        perform ports.refuse_invisible_winner(p_service_name);
      when sqlstate 'ZP003' or sqlstate 'ZP004' then
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

create function ports.claim_port(
  p_project_name text,
  p_service_name text,
  p_port_number integer,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_instance text default '',
  p_actor text default null
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
  -- (it is not the project's), 55P03, and 40001 (above READ COMMITTED, or after 1000 attempts).
  -- Cost: a look at the service's ports and that of lock_slot() and hold_slot().
declare
  v_service_key bigint;
  v_held record;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);
  for v_attempt in 1..1000 loop
    begin
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
          ports.lock_slot(p_project_name, p_hostname, p_protocol, p_port_number),
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

create function ports.allocate_ports(
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
  -- First locks the projects that need to offer numbers, by name. Then takes slots in the order of
  -- the services' keys. Raises what allocate_port() does, 23505 if another transaction gives one of
  -- the services a port at the same time, and 40001 if others take the slots. Cost: that of the
  -- calls.
declare
  v_scope record;
  v_call record;
begin
  for v_scope in
    select project_name, hostname, protocol, count(*)::integer as ports
    from unnest(p_project_names, p_hostnames, p_protocols) as call (project_name, hostname, protocol)
    group by project_name, hostname, protocol
    order by project_name, hostname, protocol
  loop
    perform ports.provide_slots(
      v_scope.project_name, v_scope.hostname, v_scope.protocol, v_scope.ports
    );
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
        v_call.project_name, v_call.hostname, v_call.protocol, coalesce(v_call.avoid, '{}'), true
      ),
      'allocate_ports', v_call.service_key, v_call.service_name, v_call.instance,
      v_call.service_type, v_call.description, v_call.cloudflare_hostname, null, v_call.actor
    );
    return next;
  end loop;
end
$$;

revoke all on all functions in schema ports from public;
