import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { emptyDatabase, sql } from '../../../test/database.js'
import {
  ascending,
  ending,
  expectSound,
  ISOLATION_LEVELS,
  type IsolationLevel,
  numbers,
  Session,
} from './sessions.js'

// What makes the invariants true for any client: everything here goes in as psql would send it.

let url: string
let client: pg.Client

beforeAll(async () => {
  url = await emptyDatabase()
  // Nobody pulls the plug here, and there are thousands of transactions.
  await sql(
    url,
    `do $$ begin
       execute format('alter database %I set synchronous_commit = off', current_database());
     end $$`,
  )
  client = new pg.Client({ connectionString: url })
  await client.connect()
})

afterAll(() => client.end())

beforeEach(async () => {
  // As a replica, so that no trigger speaks: several times faster than to truncate.
  await sql(
    url,
    `set session_replication_role = replica;
     delete from ports.port_allocations;
     delete from ports.port_ranges`,
  )
  projects = 0
})

afterEach(() => expectSound(url))

async function query(text: string, values: unknown[] = []) {
  return (await client.query(text, values)).rows
}

/** Runs one statement in a transaction of its own. */
async function at(level: IsolationLevel, text: string, values: unknown[] = []) {
  const session = await Session.open(url)
  await session.begin(level)
  const rows = await session.query(text, values)
  await session.commit()
  return rows
}

interface Project {
  readonly name: string
  readonly start: number
  readonly end: number
}

let projects = 0

/** A project of the test's own, with room on both sides of its range. */
async function newProject(size = 10): Promise<Project> {
  const start = 3000 + projects * 500
  projects += 1
  const project = { name: `project-${projects}`, start, end: start + size - 1 }
  await createRange(project)
  return project
}

function createRange({ name, start, end }: Project) {
  return query(CREATE_RANGE, [name, start, end])
}

const CREATE_RANGE = `
  insert into ports.port_ranges (project_name, start_port, end_port)
  values ($1, $2, $3)`

const RESIZE = `
  update ports.port_ranges
  set start_port = $2, end_port = $3
  where project_name = $1`

const DELETE_RANGE = 'delete from ports.port_ranges where project_name = $1'

const STORE_LIVE = `
  insert into ports.port_allocations
    (project_name, service_name, hostname, protocol, port_number)
  values ($1, 'by-hand', $3, $4, $2)`

const STORE_FREE = `
  insert into ports.port_allocations
    (project_name, hostname, protocol, port_number, status, allocated_at)
  values ($1, $3, $4, $2, 'released', null)`

const HERE = ['localhost', 'tcp']

const ALLOCATE = 'select ports.allocate_port($1, $2)'

async function allocate(project: Project, service = 'web', scope = HERE): Promise<number> {
  const [row] = await query('select ports.allocate_port($1, $2, $3, $4) as port', [
    project.name,
    service,
    ...scope,
  ])
  return row!.port
}

/** Allocates until the range is exhausted: the numbers, in the order in which they came. */
async function drain(project: Project, scope = HERE): Promise<number[]> {
  const session = await Session.open(url)
  const drained: number[] = []
  for (;;) {
    const allocated = session.value<number>('select ports.allocate_port($1, $2, $3, $4)', [
      project.name,
      'drain',
      ...scope,
    ])
    const outcome = await ending(allocated)
    if (outcome !== 'done') {
      expect(outcome).toBe('ZP002')
      return drained
    }
    drained.push(await allocated)
  }
}

/** So that an allocation has no more to do than to take a slot. */
async function offerNumbers(project: Project): Promise<void> {
  await allocate(project)
  await query('select ports.release_port($1, $2)', [project.name, 'web'])
}

async function livePorts(project: Project): Promise<number[]> {
  const rows = await query(
    `select port_number
     from ports.port_allocations
     where project_name = $1
       and status <> 'released'
     order by port_number`,
    [project.name],
  )
  return rows.map((row) => row.port_number)
}

async function bounds(project: Project) {
  const rows = await query(
    'select start_port, end_port from ports.port_ranges where project_name = $1',
    [project.name],
  )
  return rows.map((row) => [row.start_port, row.end_port])
}

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it('no second live row on a number can be inserted', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    for (const status of ['allocated', 'in_use']) {
      await expect(
        at(
          level,
          `insert into ports.port_allocations (project_name, service_name, port_number, status)
           values ($1, 'by-hand', $2, $3)`,
          [project.name, taken, status],
        ),
      ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    }
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no free slot becomes a second live row on its number', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    await query(STORE_FREE, [project.name, taken, ...HERE])
    await expect(
      at(
        level,
        `update ports.port_allocations
         set status = 'allocated', service_name = 'by-hand', ordinal = 1, allocated_at = now()
         where project_name = $1 and port_number = $2 and status = 'released'`,
        [project.name, taken],
      ),
    ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no live row is moved onto the number, host or protocol of another', async () => {
    const project = await newProject()
    await allocate(project, 'web')
    await allocate(project, 'api')
    await allocate(project, 'web', ['alpha', 'tcp'])
    await allocate(project, 'web', ['localhost', 'udp'])
    for (const [column, from, to] of [
      ['port_number', project.start + 1, project.start],
      ['hostname', 'alpha', 'localhost'],
      ['protocol', 'udp', 'tcp'],
    ]) {
      await expect(
        at(
          level,
          `update ports.port_allocations
           set ${column} = $3
           where project_name = $1 and ${column} = $2 and status <> 'released'`,
          [project.name, from, to],
        ),
      ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    }
  })

  it('two transactions cannot insert one number at the same time', async () => {
    const project = await newProject()
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin(level)
    await second.begin(level)
    await first.query(STORE_LIVE, [project.name, project.start, ...HERE])
    const refused = second.query(STORE_LIVE, [project.name, project.start, ...HERE])
    await second.waiting()
    await first.commit()
    // At the stricter levels the row of the range, which both write, may say so before the number.
    expect(['23505', '40001']).toContain(await ending(refused))
    expect(await livePorts(project)).toEqual([project.start])
  })

  it.each([
    ['below', -1],
    ['above', 10],
  ])('no row %s the range can be inserted, held or free', async (_where, offset) => {
    const project = await newProject()
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      await expect(
        at(level, statement, [project.name, project.start + offset, ...HERE]),
      ).rejects.toMatchObject({ code: 'ZP004' })
    }
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('one row out of many outside the range stops them all', async () => {
    const project = await newProject()
    await expect(
      at(
        level,
        `insert into ports.port_allocations (project_name, service_name, port_number)
         select $1, 'by-hand', generate_series($2::int, $3::int)`,
        [project.name, project.start, project.end + 1],
      ),
    ).rejects.toMatchObject({ code: 'ZP004' })
    expect(await livePorts(project)).toEqual([])
  })

  it('no row can be moved, neither a held one nor a free one', async () => {
    const project = await newProject()
    const other = await newProject()
    const taken = await allocate(project)
    for (const [column, value] of [
      ['port_number', project.end + 1],
      ['port_number', project.end],
      ['project_name', other.name],
      ['hostname', 'alpha'],
      ['protocol', 'udp'],
    ]) {
      for (const status of ['allocated', 'released']) {
        await expect(
          at(
            level,
            `update ports.port_allocations
             set ${column} = $2
             where id = (
               select id
               from ports.port_allocations
               where project_name = $1 and status = $3
               order by port_number
               limit 1
             )`,
            [project.name, value, status],
          ),
        ).rejects.toMatchObject({ code: '0A000' })
      }
    }
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no end of a range can be drawn past a live row', async () => {
    const project = await newProject()
    const [low] = [await allocate(project), await allocate(project)]
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      project.name,
      'web',
      ...HERE,
      low,
    ])
    const held = low! + 1
    await query(STORE_LIVE, [project.name, project.end, 'alpha', 'udp'])
    for (const [start, end] of [
      [held + 1, project.end],
      [project.start, project.end - 1],
      [project.end + 1, project.end + 10],
    ]) {
      await expect(at(level, RESIZE, [project.name, start, end])).rejects.toMatchObject({
        code: 'ZP006',
      })
    }
    expect(await bounds(project)).toEqual([[project.start, project.end]])
    await at(level, RESIZE, [project.name, held, project.end])
    expect(await livePorts(project)).toEqual([held, project.end])
  })

  it('no range goes with live rows in it', async () => {
    const project = await newProject()
    await query(STORE_LIVE, [project.name, project.end, 'alpha', 'udp'])
    await expect(at(level, DELETE_RANGE, [project.name])).rejects.toMatchObject({ code: 'ZP006' })
    expect(await livePorts(project)).toEqual([project.end])
  })

  it('a range goes with its free slots', async () => {
    const project = await newProject()
    await offerNumbers(project)
    await at(level, DELETE_RANGE, [project.name])
    const rows = await query('select from ports.port_allocations where project_name = $1', [
      project.name,
    ])
    expect(rows).toEqual([])
  })

  it('a live row that is stored by hand takes the place of the free slot', async () => {
    const project = await newProject(4)
    const first = await allocate(project)
    await at(level, STORE_LIVE, [project.name, first + 1, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: first + 2 },
    ])
    expect(await drain(project)).toEqual([first + 2, first + 3])
    expect(await livePorts(project)).toEqual(numbers(project.start, project.end))
  })

  it('a row that is stored far above what was offered leaves no gap', async () => {
    const project = await newProject(300)
    const held = project.end - 1
    await at(level, STORE_LIVE, [project.name, held, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: project.start },
    ])
    expect(await drain(project)).toEqual([...numbers(project.start, held - 1), project.end])
  })

  it.each([
    ['far above it', [200, 250]],
    // 128 numbers are offered at a time, so this one follows what is there without a gap.
    ['above one that follows it', [128, 250]],
    ['in one statement with a lower one', [250, 5]],
  ])('no gap comes about above what was offered already, %s', async (_where, offsets) => {
    const project = await newProject(300)
    const first = await allocate(project)
    const held = offsets.map((offset) => project.start + offset)
    await at(
      level,
      `insert into ports.port_allocations (project_name, service_name, port_number)
       select $1, 'by-hand', unnest($2::int[])`,
      [project.name, held],
    )
    expect(await drain(project)).toEqual(
      numbers(first + 1, project.end).filter((port) => !held.includes(port)),
    )
  })

  it('a free slot that is stored by hand leaves no gap and gives no number twice', async () => {
    const project = await newProject(20)
    const first = await allocate(project)
    await at(level, STORE_FREE, [project.name, first + 1, ...HERE])
    await at(level, STORE_FREE, [project.name, project.end, ...HERE])
    await at(level, STORE_FREE, [project.name, first, ...HERE])
    expect(await drain(project)).toEqual(numbers(first + 1, project.end))
  })

  it('rows that are deleted by hand free their numbers and lose none', async () => {
    const project = await newProject(140)
    for (const _ of numbers(1, 5)) await allocate(project)
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      ...[project.name, 'web', ...HERE],
      project.start + 2,
    ])
    await at(
      level,
      `delete from ports.port_allocations
       where project_name = $1 and port_number in ($2, $3, $4)`,
      // A held one, a released one, and one that was offered and never held.
      [project.name, project.start + 1, project.start + 2, project.start + 100],
    )
    expect(await livePorts(project)).toEqual([0, 3, 4].map((nth) => project.start + nth))
    expect(await drain(project)).toEqual([
      ...[1, 2].map((nth) => project.start + nth),
      ...numbers(project.start + 5, project.end),
    ])
  })

  it('deleting every row of a project by hand frees every number', async () => {
    const project = await newProject(140)
    for (const scope of [HERE, ['alpha', 'udp']]) {
      for (const _ of numbers(1, 3)) await allocate(project, 'web', scope)
    }
    await at(level, 'delete from ports.port_allocations where project_name = $1', [project.name])
    expect(await livePorts(project)).toEqual([])
    for (const scope of [HERE, ['alpha', 'udp']]) {
      expect(await drain(project, scope)).toEqual(numbers(project.start, project.end))
    }
  })

  it('a status that is set by hand frees the number', async () => {
    const project = await newProject(3)
    for (const _ of numbers(1, 3)) await allocate(project)
    await at(
      level,
      `update ports.port_allocations
       set status = 'released'
       where project_name = $1 and port_number = $2`,
      [project.name, project.start + 1],
    )
    expect(await livePorts(project)).toEqual([project.start, project.end])
    expect(await drain(project)).toEqual([project.start + 1])
  })

  it('a range that is widened below offers the lower numbers first, in every scope', async () => {
    const project = await newProject(140)
    const scopes = [HERE, ['localhost', 'udp'], ['alpha', 'tcp']]
    for (const scope of scopes) await allocate(project, 'web', scope)
    // One with nothing but free slots, and one with all its numbers held or offered.
    await query('select ports.release_port($1, $2, $3)', [project.name, 'web', 'alpha'])
    await query(STORE_LIVE, [project.name, project.end, 'localhost', 'udp'])
    await at(level, RESIZE, [project.name, project.start - 5, project.end])
    for (const scope of [...scopes, ['unused', 'tcp']]) {
      expect(await allocate(project, 'api', scope)).toBe(project.start - 5)
    }
    expect(await drain(project)).toEqual([
      ...numbers(project.start - 4, project.start - 1),
      ...numbers(project.start + 1, project.end),
    ])
    expect(await drain(project, ['localhost', 'udp'])).toEqual([
      ...numbers(project.start - 4, project.start - 1),
      ...numbers(project.start + 1, project.end - 1),
    ])
    expect(await drain(project, ['alpha', 'tcp'])).toEqual(numbers(project.start - 4, project.end))
  })

  it('a range that is narrowed drops its free slots outside, and they stay away', async () => {
    const project = await newProject(140)
    await offerNumbers(project)
    await query(STORE_LIVE, [project.name, project.start + 10, ...HERE])
    await at(level, RESIZE, [project.name, project.start + 5, project.start + 15])
    expect(await drain(project)).toEqual(
      numbers(project.start + 5, project.start + 15).filter((port) => port !== project.start + 10),
    )
  })

  it('a range that moves away from its numbers starts anew', async () => {
    const project = await newProject(10)
    await offerNumbers(project)
    await at(level, RESIZE, [project.name, project.start + 200, project.start + 203])
    expect(await drain(project)).toEqual(numbers(project.start + 200, project.start + 203))
  })

  it('a caller that repeats gets past a slot whose number is held', async () => {
    const project = await newProject(3)
    const taken = await allocate(project)
    await query(STORE_FREE, [project.name, taken, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: taken + 1 },
    ])
    const attempts: string[] = []
    for (const _ of numbers(1, 3)) {
      attempts.push(await ending(at(level, ALLOCATE, [project.name, 'api'])))
      if (attempts.at(-1) === 'done') break
      expect(attempts.at(-1)).toBe('40001')
    }
    expect(attempts.at(-1)).toBe('done')
    expect(await livePorts(project)).toEqual([taken, taken + 1])
  })

  describe('a resize against an allocation under way', () => {
    it('is refused when the allocation outside commits first', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await resizer.begin(level)
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await allocator.commit()
      expect(await ending(resized)).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await resizer.rollback()
      expect(await livePorts(project)).toEqual([port])
      expect(await bounds(project)).toEqual([[project.start, project.end]])
    })

    it('takes the slot of an allocation that was rolled back', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      await allocator.query(ALLOCATE, [project.name, 'web'])
      await resizer.begin(level)
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await allocator.rollback()
      await resized
      await resizer.commit()
      expect(await drain(project)).toEqual(numbers(project.start + 5, project.end))
    })

    it.each(['commit', 'rollback'] as const)(
      'that came first lets it have a number inside, whether it ends by %s',
      async (end) => {
        const project = await newProject()
        await offerNumbers(project)
        const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
        await resizer.begin(level)
        await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
        await allocator.begin(level)
        const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
        expect(port).toBe(project.start + 5)
        await resizer[end]()
        // Each read what the other wrote, which is more than SERIALIZABLE has to let pass.
        const outcome = await ending(allocator.commit())
        if (level === 'serializable') expect(['done', '40001']).toContain(outcome)
        else expect(outcome).toBe('done')
        expect(await livePorts(project)).toEqual(outcome === 'done' ? [port] : [])
      },
    )

    it('that came first makes it wait where numbers must be offered', async () => {
      const project = await newProject(200)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await resizer.begin(level)
      await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await allocator.begin(level)
      const allocated = allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await resizer.commit()
      if (level === 'read committed') {
        expect(await allocated).toBe(project.start + 5)
        await allocator.commit()
      } else {
        expect(await ending(allocated)).toBe('40001')
      }
      await query(RESIZE, [project.name, project.start + 5, project.end])
    })

    it('never leaves a live row outside that an older snapshot took for inside', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const allocator = await Session.open(url)
      await allocator.begin(level)
      await query(RESIZE, [project.name, project.start + 5, project.end])
      const outcome = await ending(
        allocator.query(ALLOCATE, [project.name, 'web']).then(() => allocator.commit()),
      )
      expect(outcome).toBe(level === 'read committed' ? 'done' : '40001')
      await allocator.rollback()
      expect((await livePorts(project)).filter((port) => port < project.start + 5)).toEqual([])
    })

    it('whose snapshot is older does not overlook it', async () => {
      const project = await newProject()
      const resizer = await Session.open(url)
      await resizer.begin(level)
      const port = await allocate(project)
      const outcome = await ending(
        resizer.query(RESIZE, [project.name, project.start + 5, project.end]),
      )
      expect(outcome).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await resizer.rollback()
      expect(await livePorts(project)).toEqual([port])
    })
  })

  describe('a resize against a row that is stored by hand', () => {
    it.each([
      ['stored', STORE_LIVE],
      ['made free', STORE_FREE],
    ])('waits for it, %s, and does not leave it outside', async (_how, statement) => {
      const project = await newProject()
      const [writer, resizer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await resizer.begin(level)
      await writer.query(statement, [project.name, project.start, ...HERE])
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await writer.commit()
      const outcome = await ending(resized.then(() => resizer.commit()))
      const expected = statement === STORE_LIVE ? 'ZP006' : 'done'
      expect(outcome).toBe(level === 'read committed' ? expected : '40001')
      await resizer.rollback()
      expect(await livePorts(project)).toEqual(statement === STORE_LIVE ? [project.start] : [])
    })

    it('makes it wait and refuses it', async () => {
      const project = await newProject()
      const [writer, resizer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await resizer.begin(level)
      await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      const stored = writer.query(STORE_LIVE, [project.name, project.start, ...HERE])
      await writer.waiting()
      await resizer.commit()
      expect(await ending(stored)).toBe(level === 'read committed' ? 'ZP004' : '40001')
      expect(await livePorts(project)).toEqual([])
    })
  })

  describe('a range that is deleted against an allocation under way', () => {
    it('stays when the allocation commits', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await deleter.begin(level)
      const deleted = deleter.query(DELETE_RANGE, [project.name])
      await deleter.waiting()
      await allocator.commit()
      expect(await ending(deleted)).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await deleter.rollback()
      expect(await livePorts(project)).toEqual([port])
    })

    it('goes when the allocation is rolled back', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      await allocator.query(ALLOCATE, [project.name, 'web'])
      await deleter.begin(level)
      const deleted = deleter.query(DELETE_RANGE, [project.name])
      await deleter.waiting()
      await allocator.rollback()
      await deleted
      await deleter.commit()
      expect(await bounds(project)).toEqual([])
    })

    // With all numbers offered the allocation polls for the slots; with more to offer it waits.
    it.each([
      ['all of them offered', 10],
      ['more to offer', 200],
    ])('that came first leaves it without a range, with %s', async (_what, size) => {
      const project = await newProject(size)
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await deleter.begin(level)
      await deleter.query(DELETE_RANGE, [project.name])
      await allocator.begin(level)
      const allocated = allocator.query(ALLOCATE, [project.name, 'web'])
      if (level === 'read committed' || size > 128) await allocator.waiting()
      else await ending(allocated)
      await deleter.commit()
      expect(await ending(allocated)).toBe(level === 'read committed' ? 'ZP001' : '40001')
      expect(await livePorts(project)).toEqual([])
    })

    it('that came first and is rolled back lets it go on', async () => {
      const project = await newProject(200)
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await deleter.begin(level)
      await deleter.query(DELETE_RANGE, [project.name])
      await allocator.begin(level)
      const allocated = allocator.query(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await deleter.rollback()
      await allocated
      await allocator.commit()
      const [port, ...others] = await livePorts(project)
      expect(others).toEqual([])
      expect([...(await drain(project)), port!].sort((a, b) => a - b)).toEqual(
        numbers(project.start, project.end),
      )
    })

    it('whose snapshot is older does not overlook it', async () => {
      const project = await newProject()
      const deleter = await Session.open(url)
      await deleter.begin(level)
      const port = await allocate(project)
      const outcome = await ending(deleter.query(DELETE_RANGE, [project.name]))
      expect(outcome).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await deleter.rollback()
      expect(await livePorts(project)).toEqual([port])
    })
  })

  describe('a number that is stored by hand while a transaction is allocating it', () => {
    it('is refused when the transaction commits', async () => {
      const project = await newProject(3)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await writer.begin(level)
      const stored = writer.query(STORE_LIVE, [project.name, port, ...HERE])
      await writer.waiting()
      await allocator.commit()
      expect(['23505', '40001']).toContain(await ending(stored))
      await writer.rollback()
      expect(await drain(project)).toEqual([port + 1, port + 2])
    })

    it('is held when the transaction is rolled back, and no number is lost', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await writer.begin(level)
      const stored = writer.query(STORE_LIVE, [project.name, port, ...HERE])
      await writer.waiting()
      await allocator.rollback()
      await stored
      await writer.commit()
      expect(await drain(project)).toEqual([port + 1, port + 2])
    })

    it('before it, is passed by, and comes back when it is rolled back', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await writer.query(STORE_LIVE, [project.name, project.start, ...HERE])
      await allocator.begin(level)
      expect(await allocator.value(ALLOCATE, [project.name, 'web'])).toBe(project.start + 1)
      await allocator.commit()
      await writer.rollback()
      expect(await drain(project)).toEqual([project.start, project.start + 2])
    })

    // The writer's number is in the index, but the writer waits for the range before it takes the
    // slot away: between the two the allocation takes that slot.
    it('is left to the writer that was first, though the slot was not', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [holder, allocator, writer] = [
        await Session.open(url),
        await Session.open(url),
        await Session.open(url),
      ]
      await holder.query('begin')
      await holder.query(
        'update ports.port_ranges set description = description where project_name = $1',
        [project.name],
      )
      const stored = writer.query(STORE_LIVE, [project.name, project.start, ...HERE])
      await writer.waiting()
      await allocator.begin(level)
      const allocated = allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await holder.commit()
      await stored
      if (level === 'read committed') {
        expect(await allocated).toBe(project.start + 1)
        await allocator.commit()
        expect(await drain(project)).toEqual([project.start + 2])
      } else {
        expect(await ending(allocated)).toBe('40001')
        await allocator.rollback()
        expect(await drain(project)).toEqual([project.start + 1, project.start + 2])
      }
      expect(await livePorts(project)).toEqual(numbers(project.start, project.end))
    })
  })

  describe('two transactions that give a service its first port', () => {
    const FUNCTIONS = ['allocate_port', 'get_or_allocate_port']

    it.each(FUNCTIONS.flatMap((first) => FUNCTIONS.map((second) => [first, second] as const)))(
      'by %s and %s leave it what both know of',
      async (firstFunction, secondFunction) => {
        const project = await newProject()
        const [first, second] = [await Session.open(url), await Session.open(url)]
        await first.begin(level)
        await second.begin(level)
        const port = await first.value<number>(`select ports.${firstFunction}($1, 'web')`, [
          project.name,
        ])
        const other = second.value<number>(`select ports.${secondFunction}($1, 'web')`, [
          project.name,
        ])
        await second.waiting()
        await first.commit()
        if (level !== 'read committed') {
          expect(await ending(other)).toBe('40001')
          expect(await livePorts(project)).toEqual([port])
        } else if (secondFunction === 'get_or_allocate_port') {
          expect(await other).toBe(port)
          await second.commit()
          expect(await livePorts(project)).toEqual([port])
        } else {
          expect(await other).toBe(port + 1)
          await second.commit()
          expect(await livePorts(project)).toEqual([port, port + 1])
        }
      },
    )

    // The second sees a free slot that the first did not touch: only the ordinal, 1 for both, can
    // tell it that the service has a port.
    it.each(FUNCTIONS)('from different slots, by %s, leave it one', async (name) => {
      const project = await newProject()
      await allocate(project, 'api')
      const second = await Session.open(url)
      await second.begin(level)
      await query('select ports.release_port($1, $2)', [project.name, 'api'])
      expect(await allocate(project, 'web')).toBe(project.start)
      const other = second.value<number>(`select ports.${name}($1, 'web')`, [project.name])
      if (level !== 'read committed') {
        expect(await ending(other)).toBe('40001')
        expect(await livePorts(project)).toEqual([project.start])
      } else {
        expect(await other).toBe(name === 'allocate_port' ? project.start + 1 : project.start)
      }
    })
  })

  describe('two transactions that create ranges at the same time', () => {
    const first: Project = { name: 'first', start: 5000, end: 5009 }

    /** The first has created its range and not committed when the second sends its statement. */
    async function race(end: 'commit' | 'rollback', text: string, values: unknown[]) {
      const [creator, second] = [await Session.open(url), await Session.open(url)]
      await creator.begin(level)
      await second.begin(level)
      await creator.query(CREATE_RANGE, [first.name, first.start, first.end])
      const outcome = ending(second.query(text, values).then(() => second.commit()))
      await second.waiting()
      await creator[end]()
      return outcome
    }

    // What the second cannot see, only the constraints can tell it.
    it.each([
      ['another range over its numbers', CREATE_RANGE, ['second', 5009, 5020], '23P01'],
      ['the same range', CREATE_RANGE, ['second', 5000, 5009], '23P01'],
      ['a range for its project', CREATE_RANGE, ['first', 6000, 6009], '23505'],
      ['a wider range over its numbers', RESIZE, ['project-1', 3000, 5000], '23P01'],
    ])('refuse %s', async (_what, text, values, constraint) => {
      const project = await newProject()
      const outcome = await race('commit', text, values)
      expect(level === 'read committed' ? ['ZP005'] : [constraint, '40001']).toContain(outcome)
      expect(await query('select project_name from ports.port_ranges order by start_port')).toEqual(
        [{ project_name: project.name }, { project_name: first.name }],
      )
      expect(await bounds(project)).toEqual([[project.start, project.end]])
    })

    it('leave the numbers to the second where the first is rolled back', async () => {
      expect(await race('rollback', CREATE_RANGE, ['second', 5005, 5014])).toBe('done')
      expect(await bounds(first)).toEqual([])
    })
  })
})

describe('the constraints', () => {
  it('refuse an overlap whether the trigger speaks first or not', async () => {
    const project = await newProject()
    const overlapping = [project.start + 9, project.start + 20]
    const session = await Session.open(url)
    await session.query('begin')
    await session.query('alter table ports.port_ranges disable trigger user')
    await session.query('savepoint standing')
    await expect(
      session.query(CREATE_RANGE, ['overlapping', ...overlapping]),
    ).rejects.toMatchObject({ code: '23P01', constraint: 'port_ranges_disjoint' })
    await session.query('rollback to savepoint standing')
    await session.query(CREATE_RANGE, ['overlapping', project.start + 10, project.start + 20])
    await expect(session.query(RESIZE, ['overlapping', ...overlapping])).rejects.toMatchObject({
      code: '23P01',
      constraint: 'port_ranges_disjoint',
    })
    await session.rollback()
  })

  it.each([
    ['4000–3000', 4000, 3000],
    ['1–70000', 1, 70_000],
    ['0–10', 0, 10],
    ['-10–10', -10, 10],
    ['65535–65536', 65_535, 65_536],
  ])('refuse the range %s', async (_range, start, end) => {
    const refused = { code: '23514', constraint: 'port_ranges_bounds_check' }
    await expect(query(CREATE_RANGE, ['shop', start, end])).rejects.toMatchObject(refused)
    const project = await newProject()
    await expect(query(RESIZE, [project.name, start, end])).rejects.toMatchObject(refused)
    expect(await bounds(project)).toEqual([[project.start, project.end]])
  })

  const BAD_NAMES = {
    empty: '',
    blank: ' ',
    'of 64 characters': 'a'.repeat(64),
    'of 300 characters': 'a'.repeat(300),
    'with a line feed at its end': 'web\n',
    'with a tab': 'we\tb',
    'with a control character': 'we\u0001b',
    'with SQL': "'; drop table ports.port_allocations; --",
    'with an emoji': '🛍',
    'with an umlaut': 'läden',
    'of a path': '../etc',
    'with a slash': 'shop/web',
    'with a dash in front': '-web',
    'with a dot in front': '.web',
  }

  it.each(Object.entries(BAD_NAMES))('refuse a name %s', async (_what, name) => {
    const project = await newProject()
    const store = `
      insert into ports.port_allocations (project_name, service_name, port_number)
      values ($1, $2, $3)`
    const attempts: [string, unknown[]][] = [
      [store, [project.name, name, project.start]],
      ['select ports.allocate_port($1, $2)', [project.name, name]],
      ['select ports.get_or_allocate_port($1, $2)', [project.name, name]],
      [CREATE_RANGE, [name, project.start + 100, project.start + 109]],
    ]
    for (const [text, values] of attempts) {
      // Too long for the column, or outside the alphabet.
      expect(['22001', '23514']).toContain(await ending(query(text, values)))
    }
    await expect(query('select ports.allocate_port($1, $2)', [name, 'web'])).rejects.toMatchObject({
      code: 'ZP001',
    })
    expect(await livePorts(project)).toEqual([])
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('refuse NUL in any text', async () => {
    const project = await newProject()
    await expect(
      query('select ports.allocate_port($1, $2)', [project.name, 'we\0b']),
    ).rejects.toMatchObject({ code: '22021' })
  })

  it.each([
    ['an empty hostname', '', 'tcp'],
    ['a hostname in upper case', 'Alpha', 'tcp'],
    ['a hostname of 254 characters', 'a'.repeat(254), 'tcp'],
    ['an empty protocol', 'localhost', ''],
    ['a protocol in upper case', 'localhost', 'TCP'],
    ['sctp', 'localhost', 'sctp'],
  ])('refuse %s', async (_what, hostname, protocol) => {
    const project = await newProject()
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      const stored = query(statement, [project.name, project.start, hostname, protocol])
      expect(['22001', '23514']).toContain(await ending(stored))
    }
    expect(await livePorts(project)).toEqual([])
  })

  it.each([
    ['an empty hostname', '', 'tcp'],
    ['a hostname of 254 characters', 'a'.repeat(254), 'tcp'],
    ['an empty protocol', 'localhost', ''],
    ['a protocol in upper case', 'localhost', 'TCP'],
    ['sctp', 'localhost', 'sctp'],
  ])('refuse %s from the functions, too', async (_what, hostname, protocol) => {
    const project = await newProject()
    for (const name of ['allocate_port', 'get_or_allocate_port']) {
      const allocated = query(`select ports.${name}($1, 'web', $2, $3)`, [
        ...[project.name, hostname, protocol],
      ])
      expect(['22001', '23514']).toContain(await ending(allocated))
    }
    const rows = await query('select from ports.port_allocations where project_name = $1', [
      project.name,
    ])
    expect(rows).toEqual([])
  })

  it.each([
    ['a status that is none', "status = 'gone'"],
    ['a holder without a name', 'service_name = null'],
    ['a holder without a place among its ports', 'ordinal = null'],
    ['a holder without a date', 'allocated_at = null'],
    ['a port 0', 'port_number = 0'],
    ['a port 65536', 'port_number = 65536'],
    ['a port -1', 'port_number = -1'],
  ])('refuse %s', async (_what, change) => {
    const project = await newProject()
    await allocate(project)
    await expect(
      query(
        `update ports.port_allocations
         set ${change}
         where project_name = $1 and status = 'allocated'`,
        [project.name],
      ),
    ).rejects.toMatchObject({ code: '23514' })
  })

  it('refuse a row of a project without a range', async () => {
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      await expect(query(statement, ['ghost', 3000, ...HERE])).rejects.toMatchObject({
        code: '23503',
      })
    }
  })

  it('refuse to rename a project away from its rows', async () => {
    const project = await newProject()
    await allocate(project)
    const renamed = query(
      'update ports.port_ranges set project_name = $2 where project_name = $1',
      [project.name, 'renamed'],
    )
    // PostgreSQL 18 tells RESTRICT from the rest, those before did not.
    expect(['23001', '23503']).toContain(await ending(renamed))
  })
})

describe('the functions', () => {
  it('take a hostname in any case for the same host', async () => {
    const project = await newProject()
    const value = async (text: string, hostname: string) => {
      const [row] = await query(`select ${text} as value`, [project.name, hostname])
      return row!.value
    }
    const available = () => value('ports.find_available_port($1, $2)', 'ALPHA')
    expect(await value("ports.allocate_port($1, 'web', $2)", 'Alpha')).toBe(project.start)
    expect(await value("ports.get_or_allocate_port($1, 'web', $2)", 'ALPHA')).toBe(project.start)
    expect(await available()).toBe(project.start + 1)
    expect(
      await query(`select distinct hostname from ports.port_allocations where project_name = $1`, [
        project.name,
      ]),
    ).toEqual([{ hostname: 'alpha' }])
    expect(await value("ports.release_port($1, 'web', $2)", 'aLPHA')).toBe(true)
    expect(await available()).toBe(project.start)
  })

  it('number the ports of a service that are stored by hand in the order of the rows', async () => {
    const project = await newProject()
    await query(
      `insert into ports.port_allocations (project_name, service_name, port_number)
       values ($1, 'web', $2 + 5), ($1, 'web', $2 + 1)`,
      [project.name, project.start],
    )
    expect(await allocate(project, 'web')).toBe(project.start)
    expect(
      await query('select ports.get_or_allocate_port($1, $2) as port', [project.name, 'web']),
    ).toEqual([{ port: project.start + 5 }])
  })

  it('offer every number anew after the table was truncated', async () => {
    const project = await newProject(200)
    for (const _ of numbers(1, 3)) await allocate(project)
    await query('truncate ports.port_allocations')
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: project.start },
    ])
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('say that the last free numbers stay locked, and wait for no end of it', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const holder = await Session.open(url)
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    await expect(query(ALLOCATE, [project.name, 'api'])).rejects.toMatchObject({ code: '55P03' })
    await holder.rollback()
    expect(await allocate(project, 'api')).toBe(project.start)
  })

  it('give a number to the one who waits when the one who was taking it fails', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const [holder, waiter] = [await Session.open(url), await Session.open(url)]
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    const allocated = waiter.value<number>(ALLOCATE, [project.name, 'api'])
    await waiter.waiting()
    await holder.rollback()
    expect(await allocated).toBe(project.start)
  })

  it('call a range full when the last number that was being taken is', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const [holder, waiter] = [await Session.open(url), await Session.open(url)]
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    const allocated = waiter.value<number>(ALLOCATE, [project.name, 'api'])
    await waiter.waiting()
    await holder.commit()
    expect(await ending(allocated)).toBe('ZP002')
  })

  it('take a whole range in one transaction and give it back when that is rolled back', async () => {
    const project = await newProject(300)
    const session = await Session.open(url)
    await session.begin()
    const taken = await session.query<{ port: number }>(
      'select ports.allocate_port($1, $2) as port from generate_series(1, 300)',
      [project.name, 'web'],
    )
    expect(ascending(taken.map(({ port }) => port))).toEqual(numbers(project.start, project.end))
    await session.rollback()
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })
})
