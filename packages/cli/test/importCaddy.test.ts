import { describe, expect, test } from 'vitest'
import { importPlan } from './importPlan.js'

const ADMIN = "- Caddyfile, line 1: Caddy's admin interface uses 2019 by default: nothing to import"

/** Leaves out the line about the admin interface, which every file without `admin` gets. */
const plan = async (content: string) => {
  const { notes, ...rest } = await importPlan({ Caddyfile: content }, [
    ...['--caddy', 'Caddyfile', '--project', 'shop'],
  ])
  return { ...rest, notes: notes.filter((note) => note !== ADMIN) }
}

/** A site with these lines in its block, and with a port, so that there is no note about it. */
const site = (...lines: string[]) =>
  `app.localhost:80 {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`
const OWN = '+ localhost/tcp 80 shop/caddy'

describe('import --caddy', () => {
  test.each([
    ['reverse_proxy localhost:3000', ['3000 shop/app.localhost']],
    ['reverse_proxy 127.0.0.1:10000', ['10000 shop/app.localhost']],
    ['reverse_proxy :3000', ['3000 shop/app.localhost']],
    ['reverse_proxy h2c://localhost:3000', ['3000 shop/app.localhost']],
    ['reverse_proxy "http://localhost:3000" # the app', ['3000 shop/app.localhost']],
    ['reverse_proxy `[::1]:3000`', ['3000 shop/app.localhost']],
    ['reverse_proxy @api localhost:3000', ['3000 shop/app.localhost']],
    [
      'reverse_proxy localhost:3000 \\\n localhost:3001',
      ['3000 shop/app.localhost', '3001 shop/app.localhost'],
    ],
    ['reverse_proxy {\n to localhost:3000\n }', ['3000 shop/app.localhost']],
    ['reverse_proxy /api/* localhost:4000', ['4000 shop/app.localhost-api']],
    ['handle_path /api/* {\n reverse_proxy localhost:4000\n }', ['4000 shop/app.localhost-api']],
    ['php_fastcgi localhost:9000', ['9000 shop/app.localhost']],
    [
      'respond <<TEXT\n reverse_proxy localhost:1\n TEXT\n reverse_proxy localhost:3000',
      ['3000 shop/app.localhost'],
    ],
  ])('imports the upstreams of %j', async (line, expected) => {
    const { rows, notes } = await plan(site(line))
    expect(notes).toEqual([])
    expect(rows).toEqual([...expected.map((row) => `+ localhost/tcp ${row}`), OWN])
  })

  test.each([
    ['reverse_proxy unix//run/x.sock', 'unix//run/x.sock is a Unix socket'],
    ['reverse_proxy localhost:8001-8006', 'localhost:8001-8006 is a range'],
    ['reverse_proxy localhost:{$PORT}', 'localhost:{$PORT} has a placeholder'],
    ['reverse_proxy localhost:{$PORT:3000}', 'localhost:{$PORT:3000} has a placeholder'],
    ['reverse_proxy localhost:{env.PORT}', 'localhost:{env.PORT} has a placeholder'],
    ['reverse_proxy localhost:{http.regexp.1}', 'localhost:{http.regexp.1} has a placeholder'],
    ['reverse_proxy srv+http://api.internal', 'srv+http://api.internal is looked up in DNS'],
    ['reverse_proxy {\n dynamic a api 3000\n }', 'a finds its upstreams at run time', 3],
    ['reverse_proxy api:3000', 'api:3000 is not this host'],
    ['reverse_proxy 10.0.0.5:3000', '10.0.0.5:3000 is not this host'],
    ['reverse_proxy localhost', 'localhost names no port'],
    ['import proxy 3000', 'import proxy 3000 is not followed'],
  ])('imports nothing of %j, and says why', async (line, reason, at = 2) => {
    const { rows, notes } = await plan(site(line))
    expect(rows).toEqual([OWN])
    expect(notes).toEqual([`- Caddyfile, line ${at}: ${reason}: nothing to import`])
  })

  test('imports the ports on which Caddy itself listens', async () => {
    const content = `{
	admin localhost:2020
	http_port 8080
}
:80, https://x.example.com:8443,
	y.example.com:8444 {
	respond "hello { :1"
}
`
    const { rows, notes } = await importPlan({ Caddyfile: content }, [
      ...['--caddy', 'Caddyfile', '--project', 'shop'],
    ])
    expect(notes).toEqual([])
    expect(rows).toEqual(
      [80, 8443, 8444, 8080, 2020].map((port) => `+ localhost/tcp ${port} shop/caddy`),
    )
  })

  test('says which ports Caddy has by default', async () => {
    const { notes } = await importPlan({ Caddyfile: 'app.localhost {\n}\n' }, [
      ...['--caddy', 'Caddyfile', '--project', 'shop'],
    ])
    expect(notes).toEqual([
      '- Caddyfile, line 1: app.localhost names no port; Caddy uses 80 and 443 by default: nothing to import',
      ADMIN,
    ])
  })

  test('reads a file with one site and no braces', async () => {
    const { rows } = await plan('app.localhost:80\n\nencode gzip\nreverse_proxy localhost:3000\n')
    expect(rows).toEqual(['+ localhost/tcp 3000 shop/app.localhost', OWN])
  })

  test('gives a port to the first site, and follows no snippet', async () => {
    const content = [
      '(proxy) {',
      '\treverse_proxy localhost:{args[0]}',
      '}',
      site('reverse_proxy localhost:3000'),
      'www.example.com:80 {',
      '\treverse_proxy localhost:3000',
      '}',
      ':81 {',
      '\treverse_proxy localhost:3001',
      '}',
      '{$SITE} {',
      '}',
    ].join('\n')
    const { rows, notes } = await plan(content)
    expect(rows).toEqual([
      '+ localhost/tcp 3000 shop/app.localhost',
      OWN,
      '+ localhost/tcp 81 shop/caddy',
    ])
    expect(notes).toEqual([
      '- Caddyfile, line 1: (proxy) is a snippet or a named route, which is not read: nothing to import',
      '- Caddyfile, line 9: www.example.com also uses 3000, which is the port of app.localhost (line 5): nothing to import',
      '- Caddyfile, line 12: :81 names no host, so the service on 3001 has no name: nothing to import',
      '- Caddyfile, line 14: {$SITE} has a placeholder: nothing to import',
    ])
  })

  test('refuses a file with a heredoc that does not end, however many there are', async () => {
    const heredocs = Array.from({ length: 100_000 }, (_, nth) => `<<TEXT${nth}\n`)
    const { total } = await plan(site('respond hello', heredocs.join('')))
    expect(total).toContain('must be a Caddyfile in which <<TEXT0 of line 3 ends.')
  })

  test('refuses a file that is nested too deeply', async () => {
    const { total } = await plan(site('handle {\n'.repeat(50_000)))
    expect(total).toContain('must be a Caddyfile whose blocks are nested at most 100 deep.')
  })
})
