import { describe, expect, test } from 'vitest'
import { importPlan } from './importPlan.js'

const plan = (content: string, files: Readonly<Record<string, string>> = {}) =>
  importPlan({ Procfile: content, ...files }, ['--procfile', 'Procfile', '--project', 'shop'])

describe('import --procfile', () => {
  test.each([
    ['web: bin/rails server -p 3000', 3000],
    ['web: bin/rails server -p3000 -e production', 3000],
    ['web: vite --port 5173', 5173],
    ['web: vite --port=5173 --strictPort', 5173],
    ['web: PORT=4000 node server.js', 4000],
    ['web: env PORT="4000" node server.js -p $PORT', 4000],
    ['web: gunicorn app:app --bind 0.0.0.0:8000', 8000],
  ])('imports the number of %j', async (content, port) => {
    const { rows, notes } = await plan(content)
    expect(notes).toEqual([])
    expect(rows).toEqual([`+ localhost/tcp ${port} shop/web`])
  })

  test('imports the default of PORT, and says what foreman would give', async () => {
    const { rows, notes } = await plan(`web: puma -p \${PORT:-8080}`)
    expect(rows).toEqual(['+ localhost/tcp 8080 shop/web'])
    expect(notes).toEqual([
      '- Procfile, line 1: web uses 8080 if PORT is not set, and foreman would set PORT to 5000',
    ])
  })

  test('says what foreman would give to processes without a number, by line', async () => {
    const content =
      '# processes\nweb: node server.js\n\nworker: node worker.js\r\napi: serve -p $PORT\n'
    expect(await plan(content)).toEqual({
      rows: [],
      notes: [
        '- Procfile, line 2: web names no port, and foreman would set PORT to 5000: nothing to import',
        '- Procfile, line 4: worker names no port, and foreman would set PORT to 5100: nothing to import',
        '- Procfile, line 5: api names no port, and foreman would set PORT to 5200: nothing to import',
      ],
      total: 'Nothing to import.',
    })
    const { notes } = await plan(content, { '.env': 'PORT=1234\n' })
    expect(notes.map((note) => /set PORT to (\d+)/.exec(note)?.[1])).toEqual([
      '1234',
      '1334',
      '1434',
    ])
    expect((await plan(content, { '.env/x': '' })).notes[0]).toContain('set PORT to 5000')
  })

  test('imports both numbers of one process, and says that it has only one PORT', async () => {
    const { rows, notes } = await plan('web: thin -p 3000 & ws --port 3001')
    expect(rows).toEqual(['+ localhost/tcp 3000 shop/web', '+ localhost/tcp 3001 shop/web'])
    expect(notes).toEqual([
      '- Procfile, line 1: web names 2 ports, but a process has only one PORT: 3000',
    ])
  })

  test('says which lines are not processes', async () => {
    const { notes } = await plan('web node server.js\n')
    expect(notes).toEqual([
      '- Procfile, line 1: web node server.js is not a process: nothing to import',
    ])
  })
})
