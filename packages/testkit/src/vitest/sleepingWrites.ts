import { onTestFinished } from 'vitest'
import { sql } from './database.js'

/**
 * Makes each write of the registry sleep for longer than a test lasts, until the function that this
 * returns is called or the test ends. A wait for a lock would end by itself after 5 s.
 */
export async function makeWritesSleep(url: string): Promise<() => Promise<void>> {
  await sql(
    url,
    `create function public.sleep() returns trigger language plpgsql as
       'begin perform pg_catalog.pg_sleep(600); return new; end';
     create trigger sleep before insert on ports.port_events
       for each row execute function public.sleep();
     create trigger sleep before insert on ports.port_health_checks
       for each row execute function public.sleep();
     create trigger sleep before insert on ports.port_processes
       for each row execute function public.sleep();
     create trigger sleep before insert on ports.project_checkouts
       for each row execute function public.sleep();
     -- A renewal writes nothing else.
     create trigger sleep before update on ports.port_allocations
       for each row
       when (
         old.status <> 'released'
         and new.status <> 'released'
         and old.ends_at is distinct from new.ends_at
       )
       execute function public.sleep()`,
  )
  const wakeUp = async () => {
    await sql(url, 'drop function if exists public.sleep() cascade')
  }
  onTestFinished(wakeUp)
  return wakeUp
}
