-- Lets a project that was moved keep its primary instance in one transaction, so that calls at once
-- agree which instance its directory is.

drop function ports.ensure_checkout(text, text, text, boolean, text);

create function ports.ensure_checkout(
  p_project_name text,
  p_directory text,
  p_wanted text,
  p_is_linked boolean,
  p_hostname text default 'localhost',
  p_replaces text default null
) returns table (checkout ports.checkouts, created boolean)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns what is recorded of a directory of the host, and records it the first time. The first
  -- directory of a project on a host that is no linked worktree is the primary instance, whose name
  -- is empty, and so is one that is no linked worktree if the primary instance is that of p_replaces,
  -- whose directory is then forgotten. Any other is an instance of its own, named as wanted or, if
  -- that name is in use, with a number after it.
  --
  -- If the directory is recorded, locks nothing and costs one look. Otherwise locks the project, so
  -- that calls at once choose different names. Raises ZP001 (no such project), 23514 (a malformed
  -- directory or name), 55P03, and above READ COMMITTED 40001. Cost then: free_instance().
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
  if not found then
    update ports.projects
    set settings = settings
    where name = p_project_name;
    if not found then
      perform ports.refuse_unknown_project(p_project_name);
    end if;
    -- Another call may have recorded the directory before the lock was granted.
    if not p_is_linked and not exists (
      select
      from ports.project_checkouts
      where project_name = p_project_name
        and hostname = p_hostname
        and directory = p_directory
    ) then
      delete from ports.project_checkouts
      where project_name = p_project_name
        and hostname = p_hostname
        and directory = p_replaces
        and instance = '';
    end if;
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
    select *
    into checkout
    from ports.checkouts
    where project_name = p_project_name
      and hostname = p_hostname
      and directory = p_directory;
  end if;
  return next;
end
$$;

revoke all on all functions in schema ports from public;
