-- Recognizes directories that were moved, and records which ports were allocated from a directory.

alter table ports.project_checkouts
  -- Names the directory itself, wherever it is moved. Null if that is not known.
  add column identity varchar(50) collate "C",
  add column allocation_ids bigint[] not null default '{}';

drop function ports.ensure_checkout(text, text, text, boolean, text, text);

create or replace view ports.checkouts as
select
  project_name::text as project_name,
  hostname::text as hostname,
  directory::text as directory,
  instance::text as instance,
  created_at,
  identity::text as identity,
  allocation_ids
from ports.project_checkouts;

create function ports.ensure_checkout(
  p_project_name text,
  p_directory text,
  p_wanted text,
  p_is_linked boolean,
  p_hostname text default 'localhost',
  p_replaces text default null,
  p_identity text default null,
  p_actor text default null
) returns table (checkout ports.checkouts, created boolean)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns what is recorded of a directory of the host, and records it the first time. If it takes
  -- the place of p_replaces, it is the instance that p_replaces was, and p_replaces is no longer
  -- recorded. A directory takes the place of one with the same identity, because it was moved, and
  -- of that of the primary instance if it is no linked worktree. Otherwise the first directory of a
  -- project on a host that is no linked worktree is the primary instance, whose name is empty. Any
  -- other is an instance of its own, named as wanted or, if that name is in use, with a number after
  -- it.
  --
  -- If the directory is recorded with that identity, or none is given, locks nothing and costs one
  -- look. If the identity differs, records it, and locks the row. If the directory is not recorded,
  -- locks the project, so that calls at once agree. Raises ZP001 (no such project), 23514 (a
  -- malformed directory or name), 55P03, and above READ COMMITTED 40001. Cost then:
  -- free_instance(), and an event if it takes the place of another.
declare
  v_instance text;
begin
  p_hostname := lower(p_hostname);
  created := false;
  select *
  into checkout
  from ports.checkouts
  where project_name = p_project_name
    and hostname = p_hostname
    and directory = p_directory;
  if found and (p_identity is null or (checkout).identity is not distinct from p_identity) then
    return next;
    return;
  end if;
  if not found then
    update ports.projects
    set settings = settings
    where name = p_project_name;
    if not found then
      perform ports.refuse_unknown_project(p_project_name);
    end if;
    -- Another call may have recorded the directory before the lock was granted.
    if not exists (
      select
      from ports.project_checkouts
      where project_name = p_project_name
        and hostname = p_hostname
        and directory = p_directory
    ) then
      update ports.project_checkouts
      set directory = p_directory
      where project_name = p_project_name
        and hostname = p_hostname
        and directory = p_replaces
        and (identity = p_identity or (instance = '' and not p_is_linked))
      returning instance
      into v_instance;
      if found then
        insert into ports.port_events (
          actor, call, what, project_name, instance, hostname, before, after
        )
        values (
          p_actor, 'ensure_checkout', 'checkout-moved', p_project_name, v_instance, p_hostname,
          jsonb_build_object('directory', p_replaces),
          jsonb_build_object('directory', p_directory)
        );
      else
        v_instance := case
          when p_is_linked or exists (
            select
            from ports.project_checkouts
            where project_name = p_project_name
              and hostname = p_hostname
              and instance = ''
          ) then ports.free_instance(p_project_name, p_hostname, p_wanted)
          else ''
        end;
        insert into ports.project_checkouts (project_name, hostname, directory, instance)
        values (p_project_name, p_hostname, p_directory, v_instance)
        on conflict (project_name, hostname, directory) do nothing;
        created := found;
      end if;
    end if;
  end if;
  update ports.project_checkouts
  set identity = p_identity
  where project_name = p_project_name
    and hostname = p_hostname
    and directory = p_directory
    and identity is distinct from p_identity
    and p_identity is not null;
  select *
  into checkout
  from ports.checkouts
  where project_name = p_project_name
    and hostname = p_hostname
    and directory = p_directory;
  return next;
end
$$;

create function ports.note_allocations(
  p_project_name text,
  p_directory text,
  p_hostname text,
  p_allocation_ids bigint[]
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Records that these allocations were made from the directory. Does nothing if the directory is
  -- not recorded. Forgets those that are no longer live. Locks the row of the directory. Raises
  -- 55P03, and above READ COMMITTED 40001. Cost: a look at each allocation.
begin
  p_hostname := lower(p_hostname);
  -- A statement of its own, so that the next one sees what was committed before the lock was granted.
  perform
  from ports.project_checkouts
  where project_name = p_project_name
    and hostname = p_hostname
    and directory = p_directory
  for update;
  update ports.project_checkouts
  set allocation_ids = array(
    select id
    from ports.port_allocations
    where id = any (allocation_ids || p_allocation_ids)
      and project_name = p_project_name
      and status <> 'released'
    order by id
  )
  where project_name = p_project_name
    and hostname = p_hostname
    and directory = p_directory;
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
          json_strip_nulls(json_build_object(
            'projectName', project_name,
            'hostname', hostname,
            'directory', directory,
            'instance', instance,
            'createdAt', created_at,
            'identity', identity,
            'allocationIds', allocation_ids
          ))
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
  insert into ports.project_checkouts (
    project_name, hostname, directory, instance, created_at, identity, allocation_ids
  )
  select
    "projectName", hostname, directory, instance, "createdAt", identity,
    coalesce("allocationIds", '{}')
  from json_to_recordset(p_document -> 'checkouts') as loaded (
    "projectName" text,
    hostname text,
    directory text,
    instance text,
    "createdAt" timestamptz,
    identity text,
    "allocationIds" bigint[]
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

revoke all on all functions in schema ports from public;
