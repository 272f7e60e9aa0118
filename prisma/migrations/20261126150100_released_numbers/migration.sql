-- A caller that releases the ports of a service learns which numbers it released.

-- Releases the live ports of a service on a host, narrowed by protocol and number where given, and
-- returns them as a JSON array of {"portNumber", "protocol"}, in no particular order. The array is
-- empty if the service holds no such port.
--
-- Locks: the rows that it releases. Raises: ZP001 (no range). Cost: one row for each port released.
create function ports.release_ports(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null
) returns jsonb
language plpgsql as $$
declare
  v_port_number integer;
  v_protocol text;
  v_released jsonb := '[]';
begin
  -- Most calls release all of them, and each condition that may be absent costs as much as one that
  -- is there. Usually one row is released, for which a loop costs less than an aggregate.
  if p_protocol is null and p_port_number is null then
    for v_port_number, v_protocol in
      update ports.port_allocations
      set status = 'released'
      where project_name = p_project_name
        and service_name = p_service_name
        and hostname = lower(p_hostname)
        and status <> 'released'
      returning port_number, protocol
    loop
      v_released := v_released
        || jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol);
    end loop;
  else
    for v_port_number, v_protocol in
      update ports.port_allocations
      set status = 'released'
      where project_name = p_project_name
        and service_name = p_service_name
        and hostname = lower(p_hostname)
        and (p_protocol is null or protocol = p_protocol)
        and (p_port_number is null or port_number = p_port_number)
        and status <> 'released'
      returning port_number, protocol
    loop
      v_released := v_released
        || jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol);
    end loop;
  end if;

  if v_released = '[]' then
    perform ports.range_of(p_project_name);
  end if;
  return v_released;
end
$$;

-- The same, for callers that only ask whether there was something to release.
create or replace function ports.release_port(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null
) returns boolean
language sql as $$
  select jsonb_array_length(
    ports.release_ports(p_project_name, p_service_name, p_hostname, p_protocol, p_port_number)
  ) > 0
$$;
