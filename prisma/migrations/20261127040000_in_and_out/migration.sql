-- Imports holdings, and dumps and loads a whole registry.

create function ports.rows_to_import(p_rows json, p_results text[])
returns table (
  place bigint,
  result text,
  project_name text,
  service_name text,
  instance text,
  hostname text,
  protocol text,
  port_number integer,
  bound_to text,
  service_type text,
  description text,
  cloudflare_hostname text,
  service_key bigint
)
language sql stable
begin atomic
  -- Returns the rows of an import by their places in the list, the first being 1, each with its
  -- result from the other list. Joined, because PostgreSQL reads a list of texts from its beginning
  -- for each subscript.
  select
    imported.place,
    ended.result,
    imported.project_name,
    imported.service_name,
    coalesce(imported.instance, ''),
    lower(imported.hostname),
    imported.protocol,
    imported.port_number,
    lower(imported.bound_to),
    imported.service_type,
    imported.description,
    imported.cloudflare_hostname,
    ports.service_key(
      imported.project_name, imported.service_name, coalesce(imported.instance, ''),
      lower(imported.hostname)
    )
  from rows from (
    json_to_recordset(p_rows) as (
      "projectName" text,
      "serviceName" text,
      instance text,
      hostname text,
      protocol text,
      "portNumber" integer,
      "boundTo" text,
      "serviceType" text,
      description text,
      "cloudflareHostname" text
    )
  ) with ordinality as imported (
    project_name, service_name, instance, hostname, protocol, port_number, bound_to,
    service_type, description, cloudflare_hostname, place
  )
  left join unnest(p_results) with ordinality as ended (result, place) using (place);
end;

create function ports.taken_detail(
  p_held ports.port_allocations,
  p_nearest integer[] default '{}'
) returns json
language sql stable
-- The detail of ZP003: who holds the number, and other numbers to suggest.
return json_build_object(
  'portNumber', p_held.port_number,
  'hostname', p_held.hostname,
  'protocol', p_held.protocol,
  'projectName', p_held.project_name,
  'serviceName', p_held.service_name,
  'instance', p_held.instance,
  'allocatedAt', p_held.allocated_at,
  'lastUsedAt', p_held.last_used_at,
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
      detail = ports.taken_detail(v_held, array(
        select number
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
        order by number
      ))::text;
end
$$;

create function ports.import_ports(
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
  -- with the detail of ZP003 or ZP005. Of several numbers of one service, the first is from then on
  -- the one that ensure_port() returns; `instead_of` is the one that it returned before. If there is
  -- a conflict, changes nothing unless `p_skip_conflicts`. A dry run changes nothing and returns the
  -- same.
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
    order by held.ordinal
    limit 1
  ) as answer on true;

  begin
    v_open := array(
      select place
      from ports.rows_to_import(p_rows, v_outcomes)
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
            from ports.available_slots as known
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

      -- Rows without a slot are held. Those that were released meanwhile are for the next attempt.
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

create function ports.dump_registry() returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  -- Returns the whole registry but for health checks, free slots and hosts. One statement has one
  -- snapshot, so that it is the state of one moment. Locks nothing. Cost: all rows.
  select json_build_object(
    'projects', (
      select coalesce(
        json_agg(
          json_build_object('projectName', name, 'settings', settings, 'createdAt', created_at)
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
            'lastUsedAt', last_used_at
          ))
          order by port_number, protocol, hostname
        ),
        '[]'
      )
      from ports.port_allocations
      where status <> 'released'
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

create function ports.load_registry(
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
  -- project; other ranges stay.
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
    update ports.projects
    set settings = settings
    where name = v_project_name;
  end loop;
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

  insert into ports.projects as project (name, settings, created_at)
  select "projectName", settings, "createdAt"
  from json_to_recordset(p_document -> 'projects')
    as loaded ("projectName" text, settings jsonb, "createdAt" timestamptz)
  order by "projectName"
  on conflict (name) do update
  set settings = excluded.settings,
    created_at = excluded.created_at;

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
    last_used_at = held."lastUsedAt"
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
    "lastUsedAt" timestamptz
  )
  where slot.project_name = held."projectName"
    and slot.hostname = held.hostname
    and slot.protocol = held.protocol
    and slot.port_number = held."portNumber"
    and slot.status = 'released';

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

create function ports.advance_ids(p_table text, p_rows json) returns void
language plpgsql
as $$
  -- Moves the sequence of a table's ids beyond those of the rows. A rollback does not undo this.
  -- Called by functions whose search path is fixed.
begin
  perform setval(sequence, greatest(nextval(sequence), highest.id))
  from pg_get_serial_sequence(p_table, 'id') as sequence
  cross join (
    select max(id) as id
    from json_to_recordset(p_rows) as loaded (id bigint)
  ) as highest;
end
$$;

revoke all on all functions in schema ports from public;
