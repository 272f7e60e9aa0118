-- Lets a batch lock what its services hold before it takes slots, so that it does not deadlock with a
-- release that waits for one of the slots.

create or replace function ports.allocate_batch(
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
      -- What is held is locked before slots are taken: a release that looked earlier may wait for one
      -- of the slots while it has locked what is held. The project comes first, as everywhere.
      if v_has_metadata and cardinality(v_ids) > 0 then
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
