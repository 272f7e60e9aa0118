-- Looks each number to offer up, instead of joining all live rows of its scope.

create or replace function ports.numbers_to_offer(
  p_project_name text,
  p_hostname text,
  p_protocol text,
  p_limit integer
) returns setof integer
language sql stable
begin atomic
  -- Returns the lowest numbers at or above the scope's cursor that nobody holds and that do not rest.
  -- Locks nothing. Cost: the ranges, the numbers returned, and the rows above the cursor that are live
  -- or rest. `offset 0` keeps each `not exists` a lookup. Otherwise PostgreSQL before 18 can join all
  -- live rows of the scope.
  select number
  from ports.ranges_in(p_project_name, p_hostname) as range
  cross join lateral (
    select greatest(
      range.start_port,
      (
        select next_port
        from ports.port_cursors
        where project_name = p_project_name
          and hostname = p_hostname
          and protocol = p_protocol
      )
    ) as first_port
  ) as unoffered
  cross join lateral (
    select (
      select count(*)
      from ports.port_allocations
      where hostname = p_hostname
        and protocol = p_protocol
        and port_number between first_port and end_port
        and status in ('allocated', 'in_use')
    ) + (
      select count(*)
      from ports.port_allocations
      where project_name = p_project_name
        and hostname = p_hostname
        and protocol = p_protocol
        and port_number between first_port and end_port
        and status = 'released'
        and ends_at is not null
    ) as ports
  ) as taken
  cross join lateral generate_series(
    first_port, least(end_port, first_port + p_limit + taken.ports::integer - 1)
  ) as number
  where not exists (
    select
    from ports.port_allocations as live
    where live.hostname = p_hostname
      and live.protocol = p_protocol
      and live.port_number = number
      and live.status in ('allocated', 'in_use')
    offset 0
  )
  and not exists (
    select
    from ports.port_allocations as resting
    where resting.project_name = p_project_name
      and resting.hostname = p_hostname
      and resting.protocol = p_protocol
      and resting.port_number = number
      and resting.status = 'released'
      and resting.ends_at is not null
    offset 0
  )
  order by number
  limit p_limit;
end;

revoke all on function ports.numbers_to_offer(text, text, text, integer) from public;
