-- What makes the invariants true for any client, psql included. None of these triggers runs on the
-- hot paths, which only update rows and never a column that one of them watches.

-- A range may not cover another's numbers. The exclusion constraint guarantees it; this says whose
-- numbers they are, and takes the creators and resizers one at a time so that it is never wrong.
--
-- Locks: one advisory lock for all ranges, until commit. Raises: ZP005 (overlap).
create function ports.check_range_overlap() returns trigger
language plpgsql as $$
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
$$;

create trigger check_range_overlap
before insert or update of start_port, end_port on ports.port_ranges
for each row
-- Bounds that are no range are left to the check constraint and its clearer message.
when (new.start_port <= new.end_port)
execute function ports.check_range_overlap();

-- Refuses when live allocations of a project lie outside the bounds.
--
-- Raises: ZP006 (in use), with the first ten holders and their count.
create function ports.refuse_live_outside(
  p_project_name text,
  p_start_port integer,
  p_end_port integer
) returns void
language plpgsql as $$
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
$$;

-- After the ends of a range moved: free slots outside go, live ones there refuse the change, and
-- scopes in use are offered the numbers that came in below, so that the lowest stays the first.
-- What came in above is offered when it is needed.
--
-- Locks: the range's row, written here by the update, and the slots outside. An allocation under
-- way there either commits first and refuses the change, or finds its slot gone.
-- Raises: ZP006. Cost: the slots outside, and those that come in below.
create function ports.apply_range_bounds() returns trigger
language plpgsql as $$
begin
  delete from ports.port_allocations
  where project_name = new.project_name
    and status = 'released'
    and not port_number between new.start_port and new.end_port;

  perform ports.refuse_live_outside(new.project_name, new.start_port, new.end_port);

  insert into ports.port_allocations
    (project_name, hostname, protocol, port_number, status, allocated_at)
  select new.project_name, scope.hostname, scope.protocol, port_number, 'released', null
  from (
    select distinct hostname, protocol
    from ports.port_allocations
    where project_name = new.project_name
  ) as scope
  cross join generate_series(new.start_port, least(old.start_port - 1, new.end_port))
    as port_number;
  return null;
end
$$;

create trigger apply_range_bounds
after update of start_port, end_port on ports.port_ranges
for each row
when ((old.start_port, old.end_port) is distinct from (new.start_port, new.end_port))
execute function ports.apply_range_bounds();

-- Before a range goes (its free slots go with it, by the foreign key): live allocations refuse.
--
-- Locks: the range's row and all its slots. Raises: ZP006. Cost: the rows of the project.
create function ports.refuse_range_delete() returns trigger
language plpgsql as $$
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
$$;

create trigger refuse_range_delete
before delete on ports.port_ranges
for each row
execute function ports.refuse_range_delete();

-- A live row that is stored without an ordinal is its service's newest.
create function ports.number_holding() returns trigger
language plpgsql as $$
begin
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
$$;

create trigger number_holding
before insert on ports.port_allocations
for each row
when (new.status <> 'released' and new.ordinal is null)
execute function ports.number_holding();

-- Rows come in when numbers are offered, 128 at a time, or when a client stores them by hand. They
-- must lie in their project's range; a live one takes the place of the free slot of its number; and
-- the numbers below that have no row yet are offered.
--
-- Locks: the range's row. It is written, not just locked, because at REPEATABLE READ only a written
-- row makes a concurrent resize fail instead of overlooking the rows that came in here.
-- Raises: ZP004 (out of range). Cost: the rows inserted, and the gap below them if there is one.
create function ports.check_inserted_allocations() returns trigger
language plpgsql as $$
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
$$;

-- Whether the number was ever offered in that scope, or is held there.
create function ports.has_row(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_port_number integer
) returns boolean
language sql stable as $$
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
$$;

create trigger check_inserted_allocations
after insert on ports.port_allocations
referencing new table as inserted
for each statement
execute function ports.check_inserted_allocations();

-- To delete a row is to free its number, never to lose it: the slot comes back.
--
-- Cost: the rows deleted.
create function ports.offer_deleted_numbers() returns trigger
language plpgsql as $$
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
$$;

create trigger offer_deleted_numbers
after delete on ports.port_allocations
referencing old table as deleted
for each statement
execute function ports.offer_deleted_numbers();

-- A row stays the slot of its number.
create function ports.refuse_move() returns trigger
language plpgsql as $$
begin
  raise exception 'a row of port_allocations is the slot of one number and cannot become another'
    using
      errcode = 'feature_not_supported',
      hint = 'Release the port and allocate one where you want it.';
end
$$;

create trigger refuse_move
after update of project_name, hostname, protocol, port_number on ports.port_allocations
for each row
when (
  (old.project_name, old.hostname, old.protocol, old.port_number)
    is distinct from (new.project_name, new.hostname, new.protocol, new.port_number)
)
execute function ports.refuse_move();
