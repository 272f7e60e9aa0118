-- The network namespace in which the services of each host run. A process in another one (a
-- sandbox, a container) does not see their sockets, and must not say that nothing listens.
create table ports.hosts (
  hostname varchar(253) collate "C" primary key,
  -- `initial`, or the boot and what identifies a namespace within it.
  network varchar(100) collate "C" not null,
  -- When a process was first seen there.
  seen_at timestamptz(6) not null default now(),
  constraint hosts_network_check check (network ~ '^(initial|[0-9a-f-]+/[0-9-]+)$')
);

-- Returns the network namespace in which the host's services run, null if none is known. `p_network`
-- is that of the caller, and `p_replaces` says when it is recorded:
--   `nothing`       never
--   `another-boot`  if none is known, or only one that ended with an earlier boot
--   `any`           always
-- The initial namespace is recorded in any case, and nothing replaces it.
--
-- Locks: the host's row, where it changes. Raises nothing. Cost: one row.
create function ports.note_network(
  p_hostname text,
  p_network text,
  p_replaces text default 'another-boot'
) returns text
language plpgsql as $$
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
$$;
