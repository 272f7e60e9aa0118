-- The only way to allocate and to release. READ COMMITTED is the level these are run at; at
-- REPEATABLE READ and SERIALIZABLE, where a transaction cannot see who won, they raise 40001.

-- The number that allocate_port would give now, or null when all are held. A look, not a promise.
--
-- Locks nothing. Raises: ZP001 (no such project). Cost: three index lookups.
create function ports.find_available_port(
  p_project_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp'
) returns integer
language plpgsql stable as $$
declare
  v_range ports.port_ranges;
  v_free integer;
  v_next integer;
begin
  v_range := ports.range_of(p_project_name);

  select free.port_number
  into v_free
  from ports.port_allocations as free
  where free.project_name = p_project_name
    and free.hostname = lower(p_hostname)
    and free.protocol = p_protocol
    and free.status = 'released'
    and not exists (
      select
      from ports.port_allocations as live
      where live.hostname = free.hostname
        and live.protocol = free.protocol
        and live.port_number = free.port_number
        and live.status <> 'released'
    )
  order by free.port_number
  limit 1;

  if not found then
    v_next := ports.next_unoffered(v_range, lower(p_hostname), p_protocol);
    if v_next <= v_range.end_port then
      v_free := v_next;
    end if;
  end if;
  return v_free;
end
$$;

-- Raises: ZP001 (no such project).
create function ports.range_of(p_project_name text) returns ports.port_ranges
language plpgsql stable as $$
declare
  v_range ports.port_ranges;
begin
  select *
  into v_range
  from ports.port_ranges
  where project_name = p_project_name;

  if not found then
    raise exception 'project % has no port range', p_project_name
      using
        errcode = 'ZP001',
        detail = json_build_object('projectName', p_project_name)::text;
  end if;
  return v_range;
end
$$;

-- The lowest number of the range that has no row in the scope yet: one above the highest that has.
-- Beyond the range's end when all were offered.
--
-- Cost: two index lookups.
create function ports.next_unoffered(
  p_range ports.port_ranges,
  p_hostname text,
  p_protocol text
) returns integer
language sql stable as $$
  select 1 + greatest(
    p_range.start_port - 1,
    (
      select port_number
      from ports.port_allocations
      where project_name = p_range.project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and status = 'released'
      order by port_number desc
      limit 1
    ),
    (
      select port_number
      from ports.port_allocations
      where hostname = p_hostname
        and protocol = p_protocol
        and port_number between p_range.start_port and p_range.end_port
        and status <> 'released'
      order by port_number desc
      limit 1
    )
  )
$$;

-- Offers the scope its next numbers, as free slots.
--
-- Locks: the range's row until commit, which serialises those who offer (one allocation in 128)
-- with each other and with those who resize. Raises: ZP001. Cost: 128 rows.
create function ports.offer_ports(
  p_project_name text,
  p_hostname text,
  p_protocol text
) returns void
language plpgsql as $$
declare
  v_range ports.port_ranges;
begin
  update ports.port_ranges
  set description = description
  where project_name = p_project_name;

  -- Read after the lock: whoever held it may have offered what was missing.
  v_range := ports.range_of(p_project_name);

  insert into ports.port_allocations
    (project_name, hostname, protocol, port_number, status, allocated_at)
  select p_project_name, p_hostname, p_protocol, port_number, 'released', null
  from ports.next_unoffered(v_range, p_hostname, p_protocol) as next_port
  cross join generate_series(next_port, least(next_port + 127, v_range.end_port)) as port_number;
end
$$;

-- Makes a service the holder of the lowest free number that nobody else is taking at this instant.
--
-- Locks: the slot, with SKIP LOCKED, until commit; so callers do not wait for each other, and the
-- log flush at the end of their transactions can be shared.
-- Raises: ZP001 (no such project), ZP002 (range exhausted), 55P03 (the last free numbers stay
-- locked by others), 40001 (the service got a port in a transaction that this one cannot see).
-- Cost: one slot; and where many are taken at the same time, a step over each.
create function ports.take_lowest_free_port(
  p_project_name text,
  p_service_name text,
  p_hostname text,
  p_protocol text,
  p_ordinal integer,
  p_service_type text,
  p_description text,
  p_cloudflare_hostname text,
  p_idempotency_key text default null
) returns integer
language plpgsql as $$
declare
  v_port integer;
  v_range ports.port_ranges;
  v_waits integer := 0;
  v_constraint text;
  v_dropped integer;
begin
  loop
    begin
      update ports.port_allocations
      set id = default,
        status = 'allocated',
        service_name = p_service_name,
        ordinal = p_ordinal,
        service_type = p_service_type,
        description = p_description,
        cloudflare_hostname = p_cloudflare_hostname,
        idempotency_key = p_idempotency_key,
        allocated_at = now(),
        last_used_at = null
      where ctid = (
        select free.ctid
        from ports.port_allocations as free
        where free.project_name = p_project_name
          and free.hostname = p_hostname
          and free.protocol = p_protocol
          and free.status = 'released'
        order by free.port_number
        limit 1
        for update skip locked
      )
      returning port_number into v_port;
    exception when unique_violation then
      get stacked diagnostics v_constraint = constraint_name;
      v_dropped := 0;
      if v_constraint = 'port_allocations_live_port' then
        -- The number was stored by hand. Its slot is no longer one.
        delete from ports.port_allocations as free
        using ports.port_allocations as live
        where free.project_name = p_project_name
          and free.hostname = p_hostname
          and free.protocol = p_protocol
          and free.status = 'released'
          and live.hostname = free.hostname
          and live.protocol = free.protocol
          and live.port_number = free.port_number
          and live.status <> 'released';
        get diagnostics v_dropped = row_count;
      end if;
      -- At READ COMMITTED somebody else may have dropped it first: look again. But who cannot see
      -- the winner would meet the same slot for ever.
      if v_constraint <> 'port_allocations_live_port'
        or (v_dropped = 0 and current_setting('transaction_isolation') <> 'read committed')
      then
        raise exception 'another transaction gave % a port at the same time', p_service_name
          using errcode = 'serialization_failure';
      end if;
      continue;
    end;

    if v_port is not null then
      return v_port;
    end if;

    v_range := ports.range_of(p_project_name);
    if ports.next_unoffered(v_range, p_hostname, p_protocol) <= v_range.end_port then
      perform ports.offer_ports(p_project_name, p_hostname, p_protocol);
      continue;
    end if;

    -- Every number was offered. Either all are held, or the last free ones are being taken right
    -- now, which may yet fail: then look again. Waiting for their locks instead would deadlock
    -- (a row that is rejected after the wait stays locked), so poll.
    if not exists (
      select
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and status = 'released'
    ) then
      raise exception 'the range of % is exhausted on %/%', p_project_name, p_hostname, p_protocol
        using
          errcode = 'ZP002',
          detail = json_build_object(
            'projectName', p_project_name,
            'startPort', v_range.start_port,
            'endPort', v_range.end_port,
            'hostname', p_hostname,
            'protocol', p_protocol
          )::text;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'free ports of % changed since this transaction began', p_project_name
        using errcode = 'serialization_failure';
    end if;
    v_waits := v_waits + 1;
    if v_waits > 500 then
      raise exception 'the last free ports of % stay locked by others', p_project_name
        using errcode = 'lock_not_available';
    end if;
    perform pg_sleep(0.002);
  end loop;
end
$$;

-- Serialises those who give the same service a port, until commit, so that each sees what the one
-- before did. Callers for different services do not meet here.
create function ports.lock_service(
  p_project_name text,
  p_service_name text,
  p_hostname text,
  p_protocol text
) returns void
language sql as $$
  select pg_advisory_xact_lock(
    hashtextextended(concat_ws('/', p_project_name, p_service_name, p_protocol, p_hostname), 0)
  )
$$;

-- Another port for the service: the lowest free number of the project's range in that scope. With
-- an idempotency key: the port that the service holds under it, if there is one.
--
-- Locks: the service in its scope; the slot. Raises and costs what take_lowest_free_port does, and
-- with a key, a look at the service's other ports.
create function ports.allocate_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null,
  p_idempotency_key text default null
) returns integer
language plpgsql as $$
declare
  v_newest integer;
  v_port integer;
begin
  p_hostname := lower(p_hostname);
  perform ports.lock_service(p_project_name, p_service_name, p_hostname, p_protocol);

  if p_idempotency_key is not null then
    select port_number
    into v_port
    from ports.port_allocations
    where project_name = p_project_name
      and service_name = p_service_name
      and hostname = p_hostname
      and protocol = p_protocol
      and idempotency_key = p_idempotency_key
      and status <> 'released'
    order by ordinal
    limit 1;

    if found then
      return v_port;
    end if;
  end if;

  select ordinal
  into v_newest
  from ports.port_allocations
  where project_name = p_project_name
    and service_name = p_service_name
    and hostname = p_hostname
    and protocol = p_protocol
    and status <> 'released'
  order by ordinal desc
  limit 1;

  return ports.take_lowest_free_port(
    p_project_name, p_service_name, p_hostname, p_protocol, coalesce(v_newest, 0) + 1,
    p_service_type, p_description, p_cloudflare_hostname, p_idempotency_key
  );
end
$$;

-- The oldest live port of the service in that scope, else a new one. Metadata fills in what the
-- allocation lacks and overwrites nothing.
--
-- Locks: the service in its scope; the slot. Raises and costs what take_lowest_free_port does.
create function ports.get_or_allocate_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default 'tcp',
  p_service_type text default null,
  p_description text default null,
  p_cloudflare_hostname text default null
) returns integer
language plpgsql as $$
declare
  v_oldest ports.port_allocations;
begin
  p_hostname := lower(p_hostname);
  perform ports.lock_service(p_project_name, p_service_name, p_hostname, p_protocol);

  select *
  into v_oldest
  from ports.port_allocations
  where project_name = p_project_name
    and service_name = p_service_name
    and hostname = p_hostname
    and protocol = p_protocol
    and status <> 'released'
  order by ordinal
  limit 1;

  if not found then
    return ports.take_lowest_free_port(
      p_project_name, p_service_name, p_hostname, p_protocol, 1,
      p_service_type, p_description, p_cloudflare_hostname
    );
  end if;

  update ports.port_allocations
  set service_type = coalesce(service_type, p_service_type),
    description = coalesce(description, p_description),
    cloudflare_hostname = coalesce(cloudflare_hostname, p_cloudflare_hostname)
  where id = v_oldest.id
    and (
      (service_type is null and p_service_type is not null)
      or (description is null and p_description is not null)
      or (cloudflare_hostname is null and p_cloudflare_hostname is not null)
    );
  return v_oldest.port_number;
end
$$;

-- Releases the live ports of a service on a host: all, or those of one protocol or number. False
-- when there was none.
--
-- Locks: the rows released. Raises: ZP001. Cost: the rows released.
create function ports.release_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null
) returns boolean
language plpgsql as $$
begin
  update ports.port_allocations
  set status = 'released'
  where project_name = p_project_name
    and service_name = p_service_name
    and hostname = lower(p_hostname)
    and (p_protocol is null or protocol = p_protocol)
    and (p_port_number is null or port_number = p_port_number)
    and status <> 'released';

  if not found then
    perform ports.range_of(p_project_name);
    return false;
  end if;
  return true;
end
$$;

-- Gives a project the lowest free block of numbers between two others that starts on a multiple of
-- its size; null when there is none.
--
-- Locks: the creators and resizers of ranges, until commit. Raises: ZP005 where the project has a
-- range. Cost: the blocks tried.
create function ports.create_next_range(
  p_project_name text,
  p_size integer,
  p_lowest integer,
  p_highest integer,
  p_description text default null
) returns ports.port_ranges
language plpgsql as $$
declare
  v_start integer;
  v_range ports.port_ranges;
begin
  perform pg_advisory_xact_lock(hashtextextended('ports.port_ranges', 0));

  select candidate
  into v_start
  from generate_series(
    (p_lowest + p_size - 1) / p_size * p_size,
    p_highest - p_size + 1,
    p_size
  ) as candidate
  where not exists (
    select
    from ports.port_ranges
    where int4range(start_port, end_port, '[]')
      && int4range(candidate, candidate + p_size - 1, '[]')
  )
  order by candidate
  limit 1;

  if found then
    insert into ports.port_ranges (project_name, start_port, end_port, description)
    values (p_project_name, v_start, v_start + p_size - 1, p_description)
    returning * into v_range;
  end if;
  return v_range;
end
$$;

-- Keeps what an audit saw, the newest 100 checks of each allocation, and sets status and last use:
-- `listening` and `not-listening` decide, `unknown` leaves them. Checks of what was released
-- meanwhile are dropped, and so is the history of what is no longer held.
--
-- Locks: the allocations checked, in the order of their ids. Cost: per allocation, three rows and a
-- walk over its newest 101 checks.
create function ports.record_health_checks(
  p_allocation_ids bigint[],
  p_verdicts text[]
) returns void
language plpgsql as $$
declare
  v_live bigint[];
begin
  v_live := array(
    select id
    from ports.port_allocations
    where id = any (p_allocation_ids)
      and status <> 'released'
    order by id
    for update
  );

  insert into ports.port_health_checks (allocation_id, verdict)
  select allocation_id, verdict
  from unnest(p_allocation_ids, p_verdicts) as seen (allocation_id, verdict)
  where allocation_id = any (v_live);

  update ports.port_allocations as checked
  set status = case seen.verdict when 'listening' then 'in_use' else 'allocated' end,
    last_used_at = case seen.verdict when 'listening' then now() else checked.last_used_at end
  from unnest(p_allocation_ids, p_verdicts) as seen (allocation_id, verdict)
  where checked.id = seen.allocation_id
    and checked.id = any (v_live)
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
