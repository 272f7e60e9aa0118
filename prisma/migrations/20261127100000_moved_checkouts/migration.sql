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

revoke all on all functions in schema ports from public;
