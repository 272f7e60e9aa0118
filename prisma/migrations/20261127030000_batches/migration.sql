-- Allocates several numbers in one transaction.

create function ports.pick_numbers(p_numbers integer[], p_count integer, p_contiguous boolean)
returns integer[]
language plpgsql immutable
as $$
  -- Returns the first p_count of the numbers, or, if they must be contiguous, the first of them that
  -- begins such a block, with its block. Null if there is no such choice. Called by functions whose
  -- search path is fixed. Locks and raises nothing. Cost: the numbers.
begin
  if p_contiguous then
    return (
      select array(select generate_series(first_number, last_number))
      from (
        select number as first_number, place,
          lead(number, p_count - 1) over (order by number) as last_number
        from unnest(p_numbers) with ordinality as held (number, place)
      ) as block
      where last_number = first_number + p_count - 1
      order by place
      limit 1
    );
  end if;
  if cardinality(p_numbers) >= p_count then
    return p_numbers[1:p_count];
  end if;
  return null;
end
$$;

create function ports.available_numbers(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_limit integer
)
returns int4multirange
language plpgsql stable
as $$
  -- Returns the lowest p_limit numbers that have a free slot, or, if p_limit is null, all that are
  -- available in the scope. Called by functions whose search path is fixed. Locks and raises
  -- nothing. Cost: the numbers.
begin
  if p_limit is null then
    return (
      select coalesce(range_agg(int4range(number, number + 1)), '{}')
      from (
        select port_number as number
        from ports.available_slots
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
        union all
        select ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 65535)
      ) as available
    );
  end if;
  return (
    select coalesce(range_agg(int4range(port_number, port_number + 1)), '{}')
    from (
      select port_number
      from ports.available_slots
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
      order by port_number
      limit p_limit
    ) as slot
  );
end
$$;

create function ports.choose_numbers(
  p_turns integer[],
  p_protocols text[],
  p_counts integer[],
  p_contiguous boolean[],
  p_tcp int4multirange,
  p_udp int4multirange,
  out turns integer[],
  out protocols text[],
  out numbers integer[],
  out misfit integer,
  out asked integer,
  out fits integer
)
language plpgsql immutable
as $$
  -- Chooses numbers for the items of a batch from those that are available for TCP and UDP: first
  -- for blocks, the largest first, then for items that need a number for both protocols, then for
  -- the others in their order. Each gets the lowest numbers that fit. If an item does not fit,
  -- `misfit` is its turn, `asked` is how many numbers it needs, and `fits` how many would fit beside
  -- those chosen before: for a block those of the largest block, else all. The last kind of items
  -- is counted together. Called by functions whose search path is fixed. Locks and raises nothing.
  -- Cost: the numbers.
declare
  v_item record;
  v_available int4multirange;
  v_numbers integer[];
  v_chosen int4multirange;
begin
  turns := '{}';
  protocols := '{}';
  numbers := '{}';
  for v_item in
    select *
    from unnest(p_turns, p_protocols, p_counts, p_contiguous)
      as item (turn, protocols, count, contiguous)
    where item.protocols = 'both'
      or contiguous
    order by case when contiguous then count else 1 end desc, turn
  loop
    v_available := case v_item.protocols
      when 'tcp' then p_tcp
      when 'udp' then p_udp
      else p_tcp * p_udp
    end;
    v_numbers := array(
      select number
      from (
        select block
        from unnest(v_available) as block
        where not v_item.contiguous
          or upper(block) - lower(block) >= v_item.count
        order by block
        limit case when v_item.contiguous then 1 end
      ) as possible
      cross join lateral generate_series(lower(block), upper(block) - 1) as number
      order by number
      limit v_item.count
    );
    if cardinality(v_numbers) < v_item.count then
      misfit := v_item.turn;
      asked := v_item.count;
      fits := (
        select case
          when v_item.contiguous then coalesce(max(upper(block) - lower(block)), 0)
          else coalesce(sum(upper(block) - lower(block)), 0)
        end
        from unnest(v_available) as block
      );
      return;
    end if;

    v_chosen := (
      select range_agg(int4range(number, number + 1))
      from unnest(v_numbers) as number
    );
    if v_item.protocols <> 'udp' then
      p_tcp := p_tcp - v_chosen;
      turns := turns || array_fill(v_item.turn, array[v_item.count]);
      protocols := protocols || array_fill('tcp'::text, array[v_item.count]);
      numbers := numbers || v_numbers;
    end if;
    if v_item.protocols <> 'tcp' then
      p_udp := p_udp - v_chosen;
      turns := turns || array_fill(v_item.turn, array[v_item.count]);
      protocols := protocols || array_fill('udp'::text, array[v_item.count]);
      numbers := numbers || v_numbers;
    end if;
  end loop;

  with wanted as (
    select item.protocols as protocol, turn,
      row_number() over (partition by item.protocols order by turn) as place
    from unnest(p_turns, p_protocols, p_counts, p_contiguous)
      as item (turn, protocols, count, contiguous)
    cross join lateral generate_series(1, count)
    where item.protocols <> 'both'
      and not contiguous
  ), available as (
    select protocol, number,
      row_number() over (partition by protocol order by number) as place
    from (values ('tcp', p_tcp), ('udp', p_udp)) as scope (protocol, available)
    cross join lateral unnest(available) as block
    cross join lateral generate_series(lower(block), upper(block) - 1) as number
  ), placed as (
    select protocol, turn, number
    from wanted
    left join available using (protocol, place)
  )
  select
    turns || array_agg(turn order by protocol, number),
    protocols || array_agg(protocol order by protocol, number),
    numbers || array_agg(number order by protocol, number),
    (array_agg(turn order by turn) filter (where number is null and protocol = short.first))[1],
    count(*) filter (where protocol = short.first),
    count(number) filter (where protocol = short.first)
  into turns, protocols, numbers, misfit, asked, fits
  from placed
  cross join (select min(protocol) as first from placed where number is null) as short;
end
$$;

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
  p_actor text
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
      last_used_at = null
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

create function ports.lock_batch(
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
      elsif isempty(v_busy_tcp) and isempty(v_busy_udp) then
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
        from ports.available_slots as known
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

create function ports.refuse_misfit(
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
  -- how many available numbers are to be avoided. Called by functions whose search path is fixed.
  -- Locks nothing. Cost: the numbers of the project in the scope.
declare
  v_nth integer := array_position(p_turns, p_misfit);
begin
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

create function ports.refuse_layout(
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

create function ports.avoided_numbers(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer,
  p_avoid int4multirange
) returns integer[]
language plpgsql stable
as $$
  -- Returns the available numbers below p_port_number that are to be avoided, 20 at most. Called by
  -- functions whose search path is fixed. Locks and raises nothing. Cost: the free slots below, and
  -- a hundred numbers without one.
begin
  return array(
    select number
    from (
      select slot.port_number as number
      from ports.available_slots as slot
      where slot.project_name = p_project_name
        and slot.hostname = p_hostname
        and slot.protocol = p_protocol
        and slot.port_number < p_port_number
      union
      select number
      from ports.numbers_to_offer(p_project_name, p_hostname, p_protocol, 100) as number
      where number < p_port_number
    ) as available
    where number <@ p_avoid
    order by number
    limit 20
  );
end
$$;

create function ports.batch_key(p_idempotency_key text)
returns text
language sql stable
-- Returns the text with which the stored keys of the second and later ports of a batch begin. Only
-- one port of a service can have the key itself.
return encode(sha256(convert_to(p_idempotency_key, 'UTF8')), 'hex') || '/';

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
  p_avoid_udp int4multirange default '{}'
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
  -- key, if there are any. Metadata fills in what an allocation lacks and overwrites nothing.
  --
  -- Returns a row for each allocation, ordered by item (`turn`), number and protocol. `created`
  -- tells whether it was given now. The last new row of a protocol tells which available numbers
  -- below it were avoided, 20 at most.
  --
  -- If something is to be given, locks the project, then takes the services in the order of their
  -- keys, and with each its slot. Waits for a concurrent transaction that gives one of the services
  -- a port. Raises ZP001 (no such project), ZP002 (an item does not fit), ZP008 (a service holds
  -- something else), 22023 (malformed items), 55P03, and 40001 (above READ COMMITTED, if a port was
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
      )
    into v_missing, v_refused, v_tcp_ordinals, v_udp_ordinals, v_ids
    from result;
    if v_refused is not null then
      perform ports.refuse_layout(
        p_project_name, v_services[v_refused], p_instance, p_hostname, v_protocols[v_refused],
        v_counts[v_refused], v_contiguous[v_refused], v_idempotency_keys[v_refused]
      );
      continue;
    end if;

    v_new := '{}';
    if v_missing is null and not v_has_metadata then
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
            p_actor
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
      if v_has_metadata then
        perform
        from ports.port_allocations
        where service_key = any (v_keys)
          and id = any (v_ids)
          and status <> 'released'
        order by hostname, protocol, port_number
        for update;
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

  if not (isempty(p_avoid_tcp) and isempty(p_avoid_udp)) then
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

revoke all on all functions in schema ports from public;
