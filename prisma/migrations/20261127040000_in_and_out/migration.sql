-- Imports holdings, and dumps and loads a whole registry.

create function ports.import_ports(
  p_rows json,
  p_skip_conflicts boolean default false,
  p_dry_run boolean default false,
  p_actor text default null
) returns table (turn integer, outcome text, creates_range boolean, conflict json)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Claims the number of each row for its service, as claim_port() does. A number that no project
  -- owns first becomes a range of the project, on the row's host if `boundTo` names it. Returns one row
  -- for each, by its place in the list: `claimed`, `held` (by that service already) or `conflict`
  -- with the detail of ZP003 or ZP005. If there is a conflict, changes nothing unless
  -- `p_skip_conflicts`. A dry run changes nothing and returns the same. Of several numbers of one service,
  -- the first is the one that ensure_port() returns.
  --
  -- Takes lock_ranges(), and locks the projects by name, then claims in the order of the services'
  -- keys. Raises 23514 (a value that the tables refuse), 55P03, and 40001 as claim_port() does.
  -- Cost: that of the claims.
declare
  v_row record;
  -- By the place of the row.
  v_outcomes text[] := '{}';
  v_created boolean[] := '{}';
  v_conflicts json[] := '{}';
  v_detail text;
begin
  perform ports.lock_ranges();
  for v_row in
    select distinct "projectName" as project_name
    from json_to_recordset(p_rows) as imported ("projectName" text)
    order by project_name
  loop
    update ports.projects
    set settings = settings
    where name = v_row.project_name;
  end loop;

  begin
    -- Ranges for every host come first, so that a row of the same number on one host lies in them.
    for v_row in
      select imported.*
      from rows from (
        json_to_recordset(p_rows) as (
          "projectName" text,
          hostname text,
          "portNumber" integer,
          "boundTo" text
        )
      ) with ordinality as imported (project_name, hostname, port_number, bound_to, place)
      order by bound_to nulls first, place
    loop
      v_created[v_row.place] := not exists (
        select
        from ports.ranges_in(v_row.project_name, v_row.hostname)
        where v_row.port_number between start_port and end_port
      );
      continue when not v_created[v_row.place];
      begin
        perform ports.insert_range(
          'import_ports', v_row.project_name, v_row.port_number, v_row.port_number,
          v_row.bound_to, null, p_actor
        );
      exception
        when sqlstate 'ZP005' then
          get stacked diagnostics v_detail = pg_exception_detail;
          v_outcomes[v_row.place] := 'conflict';
          v_created[v_row.place] := false;
          v_conflicts[v_row.place] := v_detail::json;
      end;
    end loop;

    for v_row in
      select imported.*
      from rows from (
        json_to_recordset(p_rows) as (
          "projectName" text,
          "serviceName" text,
          instance text,
          hostname text,
          protocol text,
          "portNumber" integer,
          "serviceType" text,
          description text,
          "cloudflareHostname" text
        )
      ) with ordinality as imported (
        project_name, service_name, instance, hostname, protocol, port_number,
        service_type, description, cloudflare_hostname, place
      )
      cross join lateral ports.service_key(project_name, service_name, instance, hostname)
        as service_key
      order by service_key, place desc
    loop
      continue when v_outcomes[v_row.place] = 'conflict';
      begin
        v_outcomes[v_row.place] := case
          when ports.claim_port(
            v_row.project_name, v_row.service_name, v_row.port_number, v_row.hostname,
            v_row.protocol, v_row.service_type, v_row.description, v_row.cloudflare_hostname,
            v_row.instance, p_actor
          )
          then 'claimed'
          else 'held'
        end;
      exception
        when sqlstate 'ZP003' then
          get stacked diagnostics v_detail = pg_exception_detail;
          v_outcomes[v_row.place] := 'conflict';
          v_conflicts[v_row.place] := v_detail::json;
      end;
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
  select place, v_outcomes[place], v_created[place], v_conflicts[place]
  from generate_series(1, json_array_length(p_rows)) as place;
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
  -- Takes lock_ranges(). Raises ZP005 (a range of the document overlaps one that stays), ZP006 (the
  -- registry holds ports), ZP004, 23505 and 23514 (a document that no registry wrote), 55P03. Cost:
  -- the rows of the document.
declare
  v_count bigint;
  v_project_name text;
  v_range record;
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
    raise exception 'the registry holds % ports', v_count
      using
        errcode = 'ZP010',
        detail = json_build_object('count', v_count)::text;
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
    perform ports.refuse_overlap(
      v_range."projectName", v_range."startPort", v_range."endPort", v_range.hostname
    );
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
