-- What concerns one range looks for its rows by the partial indexes, each of which knows a status,
-- and reads no other project's.

-- Gives a project the lowest free block of numbers between two others that starts on a multiple of
-- its size; null when there is none.
--
-- Locks: the creators and resizers of ranges, until commit. Raises: ZP005 where the project has a
-- range. Cost: one look at each range.
create or replace function ports.create_next_range(
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
$$;

-- After the ends of a range moved: free slots outside go, live ones there refuse the change, and
-- scopes in use are offered the numbers that came in below, so that the lowest stays the first.
-- What came in above is offered when it is needed.
--
-- Locks: the range's row, written here by the update, and the slots outside. An allocation under
-- way there either commits first and refuses the change, or finds its slot gone.
-- Raises: ZP006. Cost: the slots outside; where numbers come in below, those and all slots.
create or replace function ports.apply_range_bounds() returns trigger
language plpgsql as $$
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
$$;
