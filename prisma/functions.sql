-- The functions as they stand now, written by the tests (pnpm test migrate -u).
-- They are made by the migrations, where their comments are.

CREATE OR REPLACE FUNCTION ports.allocate_port(p_project_name text, p_service_name text, p_hostname text DEFAULT 'localhost'::text, p_protocol text DEFAULT 'tcp'::text, p_service_type text DEFAULT NULL::text, p_description text DEFAULT NULL::text, p_cloudflare_hostname text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  v_port integer;
  v_range ports.port_ranges;
  v_waits integer := 0;
  v_constraint text;
  v_dropped integer;
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

  loop
    begin
      update ports.port_allocations
      set id = default,
        status = 'allocated',
        service_name = p_service_name,
        ordinal = 1 + coalesce(
          (
            select held.ordinal
            from ports.port_allocations as held
            where held.project_name = p_project_name
              and held.service_name = p_service_name
              and held.hostname = p_hostname
              and held.protocol = p_protocol
              and held.status <> 'released'
            order by held.ordinal desc
            limit 1
          ),
          0
        ),
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
      -- The range that was looked at may be gone, or larger, since.
      if ports.range_of(p_project_name) is distinct from v_range then
        continue;
      end if;
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
$function$;

CREATE OR REPLACE FUNCTION ports.apply_range_bounds()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  delete from ports.port_allocations
  where project_name = new.project_name
    and status = 'released'
    and not port_number between new.start_port and new.end_port;

  perform ports.refuse_live_outside(new.project_name, new.start_port, new.end_port);

  if new.start_port < old.start_port then
    insert into ports.port_allocations
      (project_name, hostname, protocol, port_number, status, allocated_at)
    select new.project_name, scope.hostname, scope.protocol, port_number, 'released', null
    from (
      select hostname, protocol
      from ports.port_allocations
      where project_name = new.project_name
        and status = 'released'
      union
      select hostname, protocol
      from ports.port_allocations
      where project_name = new.project_name
        and status <> 'released'
    ) as scope
    cross join generate_series(new.start_port, least(old.start_port - 1, new.end_port))
      as port_number;
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION ports.check_inserted_allocations()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_stray record;
begin
  -- A statement that inserted nothing comes here too, and so would the last insert below: for ever.
  if not exists (select from inserted) then
    return null;
  end if;

  update ports.port_ranges
  set description = description
  where project_name in (select project_name from inserted);

  select inserted.port_number, range.*
  into v_stray
  from inserted
  join ports.port_ranges as range using (project_name)
  where not inserted.port_number between range.start_port and range.end_port
  limit 1;

  if found then
    raise exception 'port % lies outside the range %-% of %',
      v_stray.port_number, v_stray.start_port, v_stray.end_port, v_stray.project_name
      using
        errcode = 'ZP004',
        detail = json_build_object(
          'portNumber', v_stray.port_number,
          'projectName', v_stray.project_name,
          'startPort', v_stray.start_port,
          'endPort', v_stray.end_port
        )::text;
  end if;

  -- SKIP LOCKED: whoever holds the slot's lock is about to be refused by live_port and drops it.
  delete from ports.port_allocations
  where id in (
    select free.id
    from ports.port_allocations as free
    join inserted using (project_name, hostname, protocol, port_number)
    where free.status = 'released'
      and inserted.status <> 'released'
    for update of free skip locked
  );

  insert into ports.port_allocations
    (project_name, hostname, protocol, port_number, status, allocated_at)
  select scope.project_name, scope.hostname, scope.protocol, missing, 'released', null
  from (
    select project_name, hostname, protocol,
      min(port_number) as lowest,
      max(port_number) as highest,
      count(distinct port_number) as numbers
    from inserted
    group by project_name, hostname, protocol
  ) as scope
  join ports.port_ranges as range using (project_name)
  cross join generate_series(range.start_port, scope.highest) as missing
  where not (
      -- What follows what is there already, without a hole, leaves no gap.
      scope.numbers = scope.highest - scope.lowest + 1
      and (
        scope.lowest = range.start_port
        or ports.has_row(scope.project_name, scope.hostname, scope.protocol, scope.lowest - 1)
      )
    )
    and not ports.has_row(scope.project_name, scope.hostname, scope.protocol, missing);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION ports.check_range_overlap()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_other ports.port_ranges;
begin
  perform pg_advisory_xact_lock(hashtextextended('ports.port_ranges', 0));

  select *
  into v_other
  from ports.port_ranges as other
  where (tg_op = 'INSERT' and other.project_name = new.project_name)
    or (
      -- Its own former self is not in its way, under whatever name.
      other.project_name is distinct from old.project_name
      and int4range(other.start_port, other.end_port, '[]')
        && int4range(new.start_port, new.end_port, '[]')
    )
  order by other.project_name = new.project_name desc, other.start_port
  limit 1;

  if found then
    raise exception 'range %-% of % overlaps %-% of %',
      new.start_port, new.end_port, new.project_name,
      v_other.start_port, v_other.end_port, v_other.project_name
      using
        errcode = 'ZP005',
        detail = json_build_object(
          'projectName', v_other.project_name,
          'startPort', v_other.start_port,
          'endPort', v_other.end_port
        )::text;
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION ports.complete_row()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.allocated_at := coalesce(new.allocated_at, now());
  if new.status = 'released' then
    new.service_name := coalesce(new.service_name, 'nobody');
    new.ordinal := 0;
    return new;
  end if;

  select coalesce(max(ordinal), 0) + 1
  into new.ordinal
  from ports.port_allocations
  where project_name = new.project_name
    and service_name = new.service_name
    and hostname = new.hostname
    and protocol = new.protocol
    and status <> 'released';
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION ports.create_next_range(p_project_name text, p_size integer, p_lowest integer, p_highest integer, p_description text DEFAULT NULL::text)
 RETURNS port_ranges
 LANGUAGE plpgsql
AS $function$
declare
  v_start integer;
  v_range ports.port_ranges;
begin
  perform pg_advisory_xact_lock(hashtextextended('ports.port_ranges', 0));

  -- Ranges are disjoint: between each and the one before it lies a gap, and another below the end.
  select candidate
  into v_start
  from (
    select
      greatest(p_lowest, 1 + lag(end_port) over (order by start_port)) as earliest,
      least(p_highest, start_port - 1) as latest
    from (
      select start_port, end_port
      from ports.port_ranges
      union all
      select p_highest + 1, p_highest
    ) as taken
  ) as gap
  cross join lateral (select (earliest + p_size - 1) / p_size * p_size as candidate) as aligned
  where candidate + p_size - 1 <= latest
  order by candidate
  limit 1;

  if found then
    insert into ports.port_ranges (project_name, start_port, end_port, description)
    values (p_project_name, v_start, v_start + p_size - 1, p_description)
    returning * into v_range;
  end if;
  return v_range;
end
$function$;

CREATE OR REPLACE FUNCTION ports.find_available_port(p_project_name text, p_hostname text DEFAULT 'localhost'::text, p_protocol text DEFAULT 'tcp'::text)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION ports.get_or_allocate_port(p_project_name text, p_service_name text, p_hostname text DEFAULT 'localhost'::text, p_protocol text DEFAULT 'tcp'::text, p_service_type text DEFAULT NULL::text, p_description text DEFAULT NULL::text, p_cloudflare_hostname text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
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
    return ports.allocate_port(
      p_project_name, p_service_name, p_hostname, p_protocol,
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
$function$;

CREATE OR REPLACE FUNCTION ports.has_row(p_project_name text, p_hostname text, p_protocol text, p_port_number integer)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (
    select
    from ports.port_allocations
    where project_name = p_project_name
      and hostname = p_hostname
      and protocol = p_protocol
      and port_number = p_port_number
      and status = 'released'
  ) or exists (
    select
    from ports.port_allocations
    where hostname = p_hostname
      and protocol = p_protocol
      and port_number = p_port_number
      and status <> 'released'
  )
$function$;

CREATE OR REPLACE FUNCTION ports.lock_service(p_project_name text, p_service_name text, p_hostname text, p_protocol text)
 RETURNS void
 LANGUAGE sql
AS $function$
  select pg_advisory_xact_lock(
    hashtextextended(concat_ws('/', p_project_name, p_service_name, p_protocol, p_hostname), 0)
  )
$function$;

CREATE OR REPLACE FUNCTION ports.next_unoffered(p_range port_ranges, p_hostname text, p_protocol text)
 RETURNS integer
 LANGUAGE sql
 STABLE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION ports.note_network(p_hostname text, p_network text, p_replaces text DEFAULT 'another-boot'::text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_known text;
begin
  select network
  into v_known
  from ports.hosts
  where hostname = p_hostname;

  if v_known = p_network
    or v_known = 'initial'
    or (p_replaces = 'nothing' and p_network <> 'initial')
  then
    return v_known;
  end if;

  insert into ports.hosts as host (hostname, network)
  values (p_hostname, p_network)
  on conflict (hostname) do update
  set network = excluded.network,
    seen_at = excluded.seen_at
  where host.network <> 'initial'
    and (
      excluded.network = 'initial'
      or p_replaces = 'any'
      or split_part(host.network, '/', 1) <> split_part(excluded.network, '/', 1)
    );

  -- Another caller may have been first.
  select network
  into v_known
  from ports.hosts
  where hostname = p_hostname;
  return v_known;
end
$function$;

CREATE OR REPLACE FUNCTION ports.offer_deleted_numbers()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into ports.port_allocations
    (project_name, hostname, protocol, port_number, status, allocated_at)
  select distinct project_name, hostname, protocol, port_number, 'released', null::timestamptz
  from deleted
  join ports.port_ranges as range using (project_name)
  where deleted.port_number between range.start_port and range.end_port
    and not ports.has_row(project_name, hostname, protocol, port_number);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION ports.offer_ports(p_project_name text, p_hostname text, p_protocol text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION ports.range_of(p_project_name text)
 RETURNS port_ranges
 LANGUAGE plpgsql
 STABLE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION ports.record_health_checks(p_allocation_ids bigint[], p_verdicts text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
  join unnest(v_live) as live_id on live_id = allocation_id;

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
$function$;

CREATE OR REPLACE FUNCTION ports.refuse_live_outside(p_project_name text, p_start_port integer, p_end_port integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_count bigint;
  v_holders json;
begin
  with outside as (
    select service_name, port_number, hostname, protocol
    from ports.port_allocations
    where project_name = p_project_name
      and status <> 'released'
      and not port_number between p_start_port and p_end_port
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
        'portNumber', port_number,
        'hostname', hostname,
        'protocol', protocol
      ))
      from first_ten
    )
  into v_count, v_holders;

  if v_count > 0 then
    raise exception 'the range of % is in use: % live allocations stand in the way',
      p_project_name, v_count
      using
        errcode = 'ZP006',
        detail = json_build_object(
          'projectName', p_project_name,
          'count', v_count,
          'allocations', v_holders
        )::text;
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION ports.refuse_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if (old.project_name, old.hostname, old.protocol, old.port_number)
    is distinct from (new.project_name, new.hostname, new.protocol, new.port_number)
  then
    raise exception 'a row of port_allocations is the slot of one number and cannot become another'
      using
        errcode = 'feature_not_supported',
        hint = 'Release the port and allocate one where you want it.';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION ports.refuse_range_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform 1
  from ports.port_allocations
  where project_name = old.project_name
  order by id
  for update;

  -- An empty interval: everything lies outside.
  perform ports.refuse_live_outside(old.project_name, 1, 0);
  return old;
end
$function$;

CREATE OR REPLACE FUNCTION ports.release_port(p_project_name text, p_service_name text, p_hostname text DEFAULT 'localhost'::text, p_protocol text DEFAULT NULL::text, p_port_number integer DEFAULT NULL::integer)
 RETURNS boolean
 LANGUAGE sql
AS $function$
  select jsonb_array_length(
    ports.release_ports(p_project_name, p_service_name, p_hostname, p_protocol, p_port_number)
  ) > 0
$function$;

CREATE OR REPLACE FUNCTION ports.release_ports(p_project_name text, p_service_name text, p_hostname text DEFAULT 'localhost'::text, p_protocol text DEFAULT NULL::text, p_port_number integer DEFAULT NULL::integer)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  v_port_number integer;
  v_protocol text;
  v_released jsonb := '[]';
begin
  -- Most calls release all of them, and each condition that may be absent costs as much as one that
  -- is there. Usually one row is released, for which a loop costs less than an aggregate.
  if p_protocol is null and p_port_number is null then
    for v_port_number, v_protocol in
      update ports.port_allocations
      set status = 'released'
      where project_name = p_project_name
        and service_name = p_service_name
        and hostname = lower(p_hostname)
        and status <> 'released'
      returning port_number, protocol
    loop
      v_released := v_released
        || jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol);
    end loop;
  else
    for v_port_number, v_protocol in
      update ports.port_allocations
      set status = 'released'
      where project_name = p_project_name
        and service_name = p_service_name
        and hostname = lower(p_hostname)
        and (p_protocol is null or protocol = p_protocol)
        and (p_port_number is null or port_number = p_port_number)
        and status <> 'released'
      returning port_number, protocol
    loop
      v_released := v_released
        || jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol);
    end loop;
  end if;

  if v_released = '[]' then
    perform ports.range_of(p_project_name);
  end if;
  return v_released;
end
$function$;
