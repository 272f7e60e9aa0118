-- Where the services of each host are. A process in another network namespace (a sandbox, a
-- container) does not see their sockets, and must not say that nothing listens.
create table ports.hosts (
  hostname varchar(253) collate "C" primary key,
  -- `initial`, or the boot and what names a namespace within it.
  network varchar(100) collate "C" not null,
  -- When a process was first seen there.
  seen_at timestamptz(6) not null default now(),
  constraint hosts_network_check check (network ~ '^(initial|[0-9a-f-]+/[0-9-]+)$')
);

-- The network namespace in which the host's services are, null where none is known. The caller's own
-- is `p_network`. What becomes of it is for `p_replaces` to say:
--   `nothing`       it is not recorded
--   `another-boot`  it is recorded where none is known, or one that ended with an earlier boot
--   `any`           it is recorded
-- Whatever that says, the initial namespace is recorded, and nothing replaces it.
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
