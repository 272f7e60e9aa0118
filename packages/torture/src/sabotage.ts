// Defects that the checker must find.

import type { Client } from 'pg'
import pg from 'pg'

const EVERY_MS = 5

export const SABOTAGES = {
  /** Commits are acknowledged before they are on disk. The next crash loses the newest ones. */
  'unsafe-commit': async (client: Client) => {
    await client.query('alter system set synchronous_commit = off')
    await client.query(`alter system set wal_writer_delay = '10s'`)
    await client.query('select pg_reload_conf()')
  },

  /** There is no unique index, and a number that was just taken sometimes becomes available. */
  'no-unique': async (client: Client) => {
    await client.query('drop index ports.port_allocations_live_port')
    await client.query('drop trigger refuse_rows_outside on ports.port_allocations')
    await client.query(`
      create function ports.offer_again() returns trigger
      language plpgsql
      as $$ begin
        insert into ports.port_allocations (project_name, hostname, protocol, port_number)
        values (new.project_name, new.hostname, new.protocol, new.port_number)
        on conflict do nothing;
        return null;
      end $$`)
    await client.query(`
      create trigger offer_again
      after update of status on ports.port_allocations
      for each row
      when (new.status = 'allocated' and old.status = 'released' and random() < 0.02)
      execute function ports.offer_again()`)
  },

  /** The slot that was found is neither locked nor checked again. */
  'no-lock': async (client: Client) => {
    await alter(client, 'lock_lowest_slot', [/for update skip locked/g, ''])
    await alter(client, 'hold_slot', [
      'where slot.ctid = p_slot',
      // Takes the row in any state after a faster transaction has committed.
      `where (project_name, hostname, protocol, port_number) = (
        select project_name, hostname, protocol, port_number
        from ports.port_allocations
        where ctid = p_slot
      )`,
    ])
  },

  /** One release in twenty leaves no event. */
  'event-forgotten': async (client: Client) => {
    await alter(
      client,
      'release_ports',
      [`values (\n    p_actor, 'release_ports'`, `select\n    p_actor, 'release_ports'`],
      ['v_port_number, v_id\n  )', 'v_port_number, v_id\n  where random() > 0.05'],
    )
    await alter(client, 'release_many', [
      'from released_slots\n  )',
      'from released_slots where random() > 0.05\n  )',
    ])
  },

  /** One event in twenty is written twice. */
  'event-doubled': async (client: Client) => {
    await client.query(`
      create function ports.write_again() returns trigger
      language plpgsql
      as $$ begin
        new.id := nextval(pg_get_serial_sequence('ports.port_events', 'id'));
        insert into ports.port_events overriding system value select new.*;
        return null;
      end $$`)
    await client.query(`
      create trigger write_again
      after insert on ports.port_events
      for each row
      when (pg_trigger_depth() = 0 and random() < 0.05)
      execute function ports.write_again()`)
  },

  /** An allocation in any project takes one advisory lock, which every role can take. */
  'one-lock': async (client: Client) => {
    const lock = `begin perform pg_advisory_xact_lock(hashtextextended('ports.port_ranges', 0));`
    await alter(client, 'hold_slot', ['begin', lock])
  },

  /** The slots of removed hosts are never deleted. */
  'no-collect': async (client: Client) => {
    await alter(client, 'collect_idle_slots', ['begin', 'begin return;'])
  },

  /** A batch omits each number with a probability of one in ten, except the first. */
  'half-batch': async (client: Client) => {
    await alter(client, 'allocate_batch', [
      ') as taken',
      ') as taken where (nth = v_missing[1] and place = 1) or random() > 0.1',
    ])
  },

  /** A range that is bound to a host counts on every host. */
  'host-ignored': async (client: Client) => {
    await client.query(`
      create or replace function ports.ranges_in(p_project_name text, p_hostname text)
      returns table (start_port integer, end_port integer)
      language sql stable
      begin atomic
        select range.start_port, range.end_port
        from ports.port_ranges as range
        where range.project_name = p_project_name;
      end`)
    await client.query('alter table ports.port_allocations disable trigger refuse_rows_outside')
  },

  /** The search for a free number ignores reservations. */
  'reservations-ignored': async (client: Client) => {
    await alter(client, 'unreserved_numbers', ['if isempty(v_reserved) then', 'if true then'])
  },

  /** A claim or a move always takes reserved numbers. */
  'reservations-unrefused': async (client: Client) => {
    await alter(client, 'refuse_reserved', ['if v_detail is not null then', 'if false then'])
  },

  /** A change of a reservation leaves no event, one time in three. */
  'reservation-unnoted': async (client: Client) => {
    await forgetEvents(client, ['reserved', 'unreserved'])
  },

  /**
   * A move releases the old number and takes the new one in a later transaction, after the reply.
   */
  'move-in-parts': async (client: Client) => {
    await client.query(`
      create table ports.half_moves (
        project_name text, service_name text, port_number integer, hostname text, protocol text,
        instance text, actor text
      )`)
    await client.query('alter function ports.move_port rename to move_whole')
    await client.query(`
      create function ports.move_port(
        p_project_name text, p_service_name text, p_port_number integer, p_from integer default null,
        p_hostname text default 'localhost', p_protocol text default 'tcp',
        p_instance text default '', p_actor text default null,
        p_use_reservation boolean default false,
        out moved_from integer, out moved boolean
      )
      language plpgsql security definer
      as $$ begin
        select whole.moved_from, whole.moved
        into moved_from, moved
        from ports.move_whole(
          p_project_name, p_service_name, p_port_number, p_from, p_hostname, p_protocol, p_instance,
          p_actor, p_use_reservation
        ) as whole;
        if moved then
          raise exception using errcode = 'P0001';
        end if;
      exception
        when raise_exception then
          perform ports.release_ports(
            p_project_name, p_service_name, p_hostname, p_protocol, moved_from, p_instance, p_actor
          );
          insert into ports.half_moves
          values (
            p_project_name, p_service_name, p_port_number, p_hostname, p_protocol, p_instance, p_actor
          );
      end $$`)
    await client.query('grant execute on function ports.move_port to public')
    await keepDoing(
      client,
      `with half as (delete from ports.half_moves returning *)
       select ports.claim_port(
         project_name, service_name, port_number, hostname, protocol, p_instance => instance,
         p_actor => actor, p_use_reservation => true
       )
       from half`,
    )
  },

  /** A lease that has ended is renewed if no other call has released its port. */
  'renewed-late': async (client: Client) => {
    await alter(
      client,
      'renew_ports',
      [
        /ports\.held_slots\([^;]+;/,
        `array(
        select id
        from ports.port_allocations
        where project_name = p_project_name
          and service_name = p_service_name
          and status <> 'released'
      );`,
      ],
      ['and ends_at > clock_timestamp()', ''],
    )
  },

  /** A lease ends up to two seconds early when another one of its scope has ended. */
  'lease-cut': async (client: Client) => {
    await alter(client, 'expire', [
      'v_now timestamptz := clock_timestamp()',
      "v_now timestamptz := clock_timestamp() + interval '2 s'",
    ])
  },

  /** A moved port loses its lease and never ends. */
  'moved-without-lease': async (client: Client) => {
    await alter(client, 'move_port', [
      'v_held.ordinal, v_held.ends_at, v_held.held_by',
      'v_held.ordinal, null, v_held.held_by',
    ])
  },

  /** One time in three, a lease ends without an event. */
  'lease-end-unnoted': async (client: Client) => {
    await forgetEvents(client, ['lease-ended'])
  },

  /** Concurrent calls do not count each other's ports. */
  'limits-unlocked': async (client: Client) => {
    await alter(
      client,
      'take_limits',
      ['where name = v_limit.name', 'where false'],
      [/insert into ports.limit_uses[^;]+;/, `v_used := '{}';`],
      ['if v_held + v_limit.count', 'perform pg_sleep(0.05);\n    if v_held + v_limit.count'],
    )
  },

  /** One time in five, the limit per minute does not count an allocation. */
  'minutes-uncounted': async (client: Client) => {
    await alter(client, 'take_limits', [
      'and v_limit.per_minute is not null;',
      'and v_limit.per_minute is not null and random() > 0.2;',
    ])
  },

  /** One time in five, a limit of actors does not count a port that they hold. */
  'actors-uncounted': async (client: Client) => {
    await alter(client, 'held_under', [
      'and held_by like ports.limit_pattern(p_actor)',
      'and held_by like ports.limit_pattern(p_actor) and random() > 0.2',
    ])
  },

  /** Resting numbers are available to every service. */
  'rests-ignored': async (client: Client) => {
    await client.query(`
      create or replace view ports.available_slots as
      select ctid as slot, project_name, hostname, protocol, port_number
      from ports.port_allocations
      where status = 'released'`)
  },

  /** Resting numbers are available to no service. */
  'rests-for-nobody': async (client: Client) => {
    await alter(client, 'lock_lowest_slot', [
      "and status = 'released'\n        and ends_at is not null",
      "and status = 'released'\n        and ends_at is null",
    ])
  },

  /** A dump reads the events after the allocations. */
  'dump-in-parts': async (client: Client) => {
    await client.query('alter function ports.dump_registry() rename to dump_part')
    await client.query(`
      create function ports.dump_registry() returns json
      language plpgsql security definer
      as $$ declare
        v_first jsonb := ports.dump_part();
      begin
        perform pg_sleep(0.1);
        return v_first || jsonb_build_object('events', ports.dump_part() -> 'events');
      end $$`)
    await client.query('grant execute on function ports.dump_registry() to public')
  },
}

/** Drops events of these kinds, one in three. */
async function forgetEvents(client: Client, kinds: readonly string[]) {
  await client.query(`
    create function ports.forget() returns trigger
    language plpgsql
    as $$ begin return null; end $$`)
  await client.query(`
    create trigger forget
    before insert on ports.port_events
    for each row
    when (new.what in (${kinds.map((kind) => `'${kind}'`).join(', ')}) and random() < 0.33)
    execute function ports.forget()`)
}

/** Repeats the statement on a separate connection until the server ends that. */
async function keepDoing(client: Client, statement: string) {
  const { host, port, user, database } = client
  const own = new pg.Client({ host, port, ...(user && { user }), ...(database && { database }) })
  const timer = setInterval(() => own.query(statement).catch(() => {}), EVERY_MS)
  timer.unref()
  own.on('error', () => {}).once('end', () => clearInterval(timer))
  await own.connect()
}

/**
 * @param name of a function of the registry
 * @param replacements in its text
 */
async function alter(
  client: Client,
  name: string,
  ...replacements: [part: string | RegExp, replacement: string][]
) {
  const { rows } = await client.query(
    `select pg_get_functiondef(oid) as definition
     from pg_proc
     where pronamespace = 'ports'::regnamespace
       and proname = $1`,
    [name],
  )
  if (rows.length !== 1) throw new Error(`${rows.length} functions ${name} to sabotage, not one`)
  let altered = rows[0].definition
  for (const [part, replacement] of replacements) {
    const next = altered.replace(part, replacement)
    if (next === altered) throw new Error(`nothing to sabotage in ${name}`)
    altered = next
  }
  await client.query(altered)
}
