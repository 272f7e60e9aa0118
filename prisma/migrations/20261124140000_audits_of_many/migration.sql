-- Once PostgreSQL had one plan for all arrays, from the sixth audit of a process on, it went through
-- the whole of them for each allocation that was checked: "= any (array)" is hashed only where the
-- array is known as the plan is made. A join always is.

-- Keeps what an audit saw, the newest 100 checks of each allocation, and sets status and last use:
-- `listening` and `not-listening` decide, `unknown` leaves them. Checks of what was released
-- meanwhile are dropped, and so is the history of what is no longer held.
--
-- Locks: the allocations checked, in the order of their ids. Cost: per allocation, three rows and a
-- walk over its newest 101 checks.
create or replace function ports.record_health_checks(
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
$$;
