-- Records which directories of a host hold a project, and which instance each of them is.

create table ports.project_checkouts (
  project_name ports.name not null,
  hostname ports.hostname not null,
  -- At four bytes a character this is what fits into an entry of the index.
  directory varchar(600) collate "C" not null,
  instance ports.instance not null,
  created_at timestamptz(6) not null default now(),
  constraint project_checkouts_pkey primary key (project_name, hostname, directory),
  constraint project_checkouts_project_name_hostname_instance_key
    unique (project_name, hostname, instance),
  constraint project_checkouts_project_name_fkey
    foreign key (project_name) references ports.projects (name)
    on delete cascade on update restrict,
  constraint project_checkouts_directory_check check (directory ~ '^/')
);

create view ports.checkouts as
select
  project_name::text as project_name,
  hostname::text as hostname,
  directory::text as directory,
  instance::text as instance,
  created_at
from ports.project_checkouts;

create function ports.free_instance(p_project_name text, p_hostname text, p_wanted text)
returns text
language plpgsql stable
as $$
  -- Returns the name, or the first of name-2, name-3 … of which the project has neither a checkout
  -- nor a port on the host. Called by functions whose search path is fixed. Locks and raises
  -- nothing. Cost: a look at the project's ports for each name that is taken.
declare
  v_name text := p_wanted;
  v_number integer := 1;
begin
  while exists (
    select
    from ports.project_checkouts
    where project_name = p_project_name
      and hostname = p_hostname
      and instance = v_name
  ) or exists (
    select
    from ports.port_allocations
    where project_name = p_project_name
      and hostname = p_hostname
      and instance = v_name
      and status <> 'released'
  ) loop
    v_number := v_number + 1;
    v_name := left(p_wanted, 62 - length(v_number::text)) || '-' || v_number;
  end loop;
  return v_name;
end
$$;

create function ports.ensure_checkout(
  p_project_name text,
  p_directory text,
  p_wanted text,
  p_is_linked boolean,
  p_hostname text default 'localhost'
) returns table (checkout ports.checkouts, created boolean)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Returns what is recorded of a directory of the host, and records it the first time. The first
  -- directory of a project on a host that is no linked worktree is the primary instance, whose name
  -- is empty. Any other is an instance of its own, named as wanted or, if that name is in use, with
  -- a number after it.
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

create function ports.forget_checkout(
  p_project_name text,
  p_directory text,
  p_hostname text default 'localhost'
) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  -- Forgets a directory. False if it was not recorded. The ports of its instance stay held. Locks
  -- its row. Raises 55P03. Cost: one row.
begin
  delete from ports.project_checkouts
  where project_name = p_project_name
    and hostname = lower(p_hostname)
    and directory = p_directory;
  return found;
end
$$;

revoke all on all functions in schema ports from public;
