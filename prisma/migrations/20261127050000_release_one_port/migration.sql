-- Mends a deadlock of two releases of one service.
create or replace function ports.release_ports(
  p_project_name text,
  p_service_name text,
  p_hostname text default 'localhost',
  p_protocol text default null,
  p_port_number integer default null,
  p_instance text default '',
  p_actor text default null
) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Releases a service's live allocations on a host, narrowed by protocol and number if they are
  -- given. Returns them as `[{"portNumber", "protocol"}, …]`.
  --
  -- Locks them in the order of (host, protocol, number). Raises ZP001, 55P03. Cost: a row and an
  -- event for each.
declare
  v_service_key bigint;
  v_count integer;
  v_id bigint;
  v_port_number integer;
  v_protocol text;
begin
  p_hostname := lower(p_hostname);
  p_instance := coalesce(p_instance, '');
  v_service_key := ports.service_key(p_project_name, p_service_name, p_instance, p_hostname);

  -- Most services hold one port. Without others there is no order to lock them in, and one
  -- statement finds and releases it. An update that waits keeps the row locked even if it then does
  -- not change it, so this call must not lock other rows afterwards. If another transaction released
  -- the port meanwhile, this one releases nothing.
  with held as materialized (
    select id
    from ports.port_allocations
    where service_key = v_service_key
      and project_name = p_project_name
      and service_name = p_service_name
      and instance = p_instance
      and hostname = p_hostname
      and (p_protocol is null or protocol = p_protocol)
      and (p_port_number is null or port_number = p_port_number)
      and status <> 'released'
    limit 2
  ), released as (
    update ports.port_allocations
    set status = 'released'
    where service_key = v_service_key
      and id = (
        select min(id)
        from held
        having count(*) = 1
      )
      and status <> 'released'
    returning id, port_number, protocol
  )
  select (select count(*) from held), released.*
  into v_count, v_id, v_port_number, v_protocol
  from (values (1)) as answer
  left join released on true;

  if v_count > 1 then
    return (
      select released
      from ports.release_many(
        array[p_project_name], array[p_service_name], array[p_hostname], array[p_protocol],
        array[p_port_number], array[p_instance], array[p_actor]
      )
    );
  end if;
  if v_id is null then
    perform ports.refuse_unknown_project(p_project_name);
    return '[]';
  end if;

  insert into ports.port_events (
    actor, call, what, project_name, service_name, instance, hostname, protocol, port_number,
    allocation_id
  )
  values (
    p_actor, 'release_ports', 'released', p_project_name, p_service_name, p_instance, p_hostname,
    v_protocol, v_port_number, v_id
  );
  return jsonb_build_array(
    jsonb_build_object('portNumber', v_port_number, 'protocol', v_protocol)
  );
end
$$;
