-- PostgreSQL reads a table's check constraints anew from their stored form in every statement that
-- writes to it (ExecRelCheck), which was a third of the work of an allocation. A domain's check is
-- kept ready, and runs where a value is assigned: a release pays for its status alone.

create domain ports.service_name as varchar(63) collate "C"
  -- No {0,62}: a counted repetition takes the regular expression engine twenty times as long, and
  -- the type sees to the length.
  constraint service_name_check check (value ~ '^[A-Za-z0-9][A-Za-z0-9._-]*$');

create domain ports.hostname as varchar(253) collate "C"
  constraint hostname_check check (value ~ '^[a-z0-9._:-]+$');

create domain ports.protocol as varchar(3) collate "C"
  constraint protocol_check check (value in ('tcp', 'udp'));

create domain ports.allocation_status as varchar(9) collate "C"
  constraint allocation_status_check check (value in ('allocated', 'in_use', 'released'));

-- A port's number needs none: it lies in its project's range from the beginning, and cannot move.

-- They name columns whose types change.
drop trigger refuse_move on ports.port_allocations;
drop trigger number_holding on ports.port_allocations;
drop function ports.number_holding();
drop index ports.port_allocations_service;

-- A live row says whose it is, which of the service's ports, and since when: now every row does. A
-- slot that nobody ever held is nobody's.
update ports.port_allocations
set service_name = coalesce(service_name, 'nobody'),
  ordinal = coalesce(ordinal, 0),
  allocated_at = coalesce(allocated_at, now())
where num_nulls(service_name, ordinal, allocated_at) > 0;

alter table ports.port_allocations
  drop constraint port_allocations_service_name_check,
  drop constraint port_allocations_hostname_check,
  drop constraint port_allocations_protocol_check,
  drop constraint port_allocations_port_number_check,
  drop constraint port_allocations_status_check,
  drop constraint port_allocations_live_check,
  alter column service_name type ports.service_name,
  alter column service_name set not null,
  alter column hostname type ports.hostname,
  alter column protocol type ports.protocol,
  alter column status type ports.allocation_status,
  alter column ordinal set not null,
  alter column allocated_at set not null;

-- The ports of a service, oldest first.
create unique index port_allocations_service
  on ports.port_allocations (project_name, service_name, hostname, protocol, ordinal)
  where status <> 'released';

-- A live row that is stored without an ordinal is its service's newest; a free slot is nobody's.
create function ports.complete_row() returns trigger
language plpgsql as $$
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
$$;

create trigger complete_row
before insert on ports.port_allocations
for each row
when (new.ordinal is null)
execute function ports.complete_row();

-- Every statement copies the conditions of a table's triggers as text, so this one is asked in the
-- function, which the hot statements never reach.
create or replace function ports.refuse_move() returns trigger
language plpgsql as $$
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
$$;

create trigger refuse_move
after update of project_name, hostname, protocol, port_number on ports.port_allocations
for each row
execute function ports.refuse_move();

drop function ports.take_lowest_free_port(
  text, text, text, text, integer, text, text, text, text
);

-- Another port for the service: the lowest number of the project's range in that scope that is free
-- and that nobody else is taking at this instant. With an idempotency key: the port that the service
-- holds under it, if there is one.
--
-- Locks: the service in its scope; the slot, with SKIP LOCKED, so that callers do not wait for each
-- other and share the log flush at the end of their transactions. Both until commit.
-- Raises: ZP001 (no such project), ZP002 (range exhausted), 55P03 (the last free numbers stay
-- locked by others), 40001 (the service got a port in a transaction that this one cannot see).
-- Cost: one slot, and where many are taken at the same time, a step over each; a look at the
-- service's newest port; with a key, at all of them.
create or replace function ports.allocate_port(
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
$$;

-- The oldest live port of the service in that scope, else a new one. Metadata fills in what the
-- allocation lacks and overwrites nothing.
--
-- Locks, raises and costs what allocate_port does, where there is none yet; else it locks the service
-- in its scope, and costs two looks.
create or replace function ports.get_or_allocate_port(
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
$$;

-- Gives a project the lowest free block of numbers between two others that starts on a multiple of
-- its size; null when there is none.
--
-- Locks: the creators and resizers of ranges, until commit. Raises: ZP005 where the project has a
-- range. Cost: the ranges there are, up to the block found.
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

  -- The lowest free block has a range just before it, or nothing.
  select candidate
  into v_start
  from (
    select p_lowest as earliest
    union all
    select end_port + 1
    from ports.port_ranges
    where end_port >= p_lowest
  ) as place
  cross join lateral (select (earliest + p_size - 1) / p_size * p_size as candidate) as aligned
  where candidate + p_size - 1 <= p_highest
    and not exists (
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

-- Releases the live ports of a service on a host: all, or those of one protocol or number. False
-- when there was none.
--
-- Locks: the rows released. Raises: ZP001. Cost: the rows released.
create or replace function ports.release_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null
) returns boolean
language plpgsql as $$
begin
  -- Mostly all of them: each condition that may be absent costs as much as one that is there.
  if p_protocol is null and p_port_number is null then
    update ports.port_allocations
    set status = 'released'
    where project_name = p_project_name
      and service_name = p_service_name
      and hostname = lower(p_hostname)
      and status <> 'released';
  else
    update ports.port_allocations
    set status = 'released'
    where project_name = p_project_name
      and service_name = p_service_name
      and hostname = lower(p_hostname)
      and (p_protocol is null or protocol = p_protocol)
      and (p_port_number is null or port_number = p_port_number)
      and status <> 'released';
  end if;

  if not found then
    perform ports.range_of(p_project_name);
    return false;
  end if;
  return true;
end
$$;
