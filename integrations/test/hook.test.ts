import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CLI, type Environment, ended, environmentOn, portsIn } from '@ports/testkit'
import { databaseWithOwnNumbers, onLinux, writeFiles } from '@ports/testkit/vitest'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

const HOOK = fileURLToPath(new URL('../claude-code/hooks/guard.mjs', import.meta.url))

beforeEach(({ skip }) => onLinux(skip))

/** A checkout with a server on its port, which has the directory in its command line. */
interface Checkout {
  readonly directory: string
  readonly port: number
  readonly pid: number
}

let place: string
let bin: string
let url: string
/** Where the agent works. */
let shop: Checkout
let blog: Checkout
/** A linked worktree of shop within it. */
let worktree: Checkout
/** Of shop, and nothing listens there. */
let quiet: number
/** Of nobody, and nothing listens there. */
let free: number
/** A process of blog that listens on nothing. */
let idle: number
const children: ChildProcess[] = []

beforeAll(async () => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'ports-hook-')))
  bin = join(place, 'bin')
  // Docker itself is not needed: the hook only reads what it prints.
  writeFiles(bin, {
    docker: `#!/bin/sh
case "$1 $PWD $*" in
  ps*) echo blog-web-1 ;;
  compose*blog*) echo blog-web-1 ;;
  compose*) echo shop-web-1 ;;
  *shop-web-1) echo "80/tcp -> 127.0.0.1:$SHOP_PORT" ;;
  *blog-web-1) echo "80/tcp -> 127.0.0.1:$BLOG_PORT" ;;
esac
`,
  })
  symlinkSync(CLI, join(bin, 'ports'))
  url = await databaseWithOwnNumbers('shop', 'blog', 'nobody')
  shop = await checkout('shop', join(place, 'shop'))
  blog = await checkout('blog', join(place, 'blog'))
  worktree = await checkout('shop', join(place, 'shop', 'trees', 'feature'))
  quiet = Number((await portsIn(shop.directory, url)('get', 'api')).stdout)
  const { stdout } = await portsIn(tmpdir(), url)('range', 'list', '--json')
  const ranges: { projectName: string; startPort: number }[] = JSON.parse(stdout)
  free = ranges.find(({ projectName }) => projectName === 'nobody')!.startPort
  idle = start('setInterval(() => {}, 1000); process.stdout.write("up")', blog.directory).pid!
})

afterAll(() => {
  for (const child of children) child.kill()
  rmSync(place, { recursive: true, force: true })
})

async function checkout(project: string, directory: string): Promise<Checkout> {
  writeFiles(directory, {
    '.git': 'gitdir: elsewhere',
    'ports.json': { project, services: { web: {}, api: {} } },
  })
  const port = Number((await portsIn(directory, url)('get', 'web')).stdout)
  return { directory, port, pid: await serve(port, directory) }
}

async function serve(port: number, directory: string): Promise<number> {
  const source = `require('net').createServer().listen(${port}, '127.0.0.1', () => process.stdout.write('up'))`
  const child = start(source, directory)
  await once(child.stdout!, 'data')
  return child.pid!
}

function start(source: string, directory: string): ChildProcess {
  const args = ['-e', source, '--', `in=${directory}!`]
  const child = spawn(process.execPath, args, { cwd: directory, stdio: 'pipe' })
  children.push(child)
  return child
}

/** What the hook does about a command of the agent. */
async function hook(
  command: string,
  { path, database }: { path?: string; database?: string } = {},
) {
  const input = { tool_name: 'Bash', cwd: shop.directory, tool_input: { command } }
  return answered(input, environment(path, database))
}

function environment(path = bin, database = url) {
  return environmentOn(database, {
    PATH: [path, process.env.PATH].join(delimiter),
    BLOG_PORT: `${blog.port}`,
    SHOP_PORT: `${shop.port}`,
  })
}

function answered(input: object | string, env: Environment) {
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  return ended(process.execPath, [HOOK, 'ports'], env, undefined, text)
}

type Named = readonly [name: string, command: () => string]

describe('asks before a process that is not of this checkout is ended', () => {
  test.each<Named>([
    ['by its pid', () => `kill ${blog.pid}`],
    ['with a signal', () => `kill -9 ${blog.pid}`],
    ['with a signal by name', () => `kill -s KILL ${blog.pid}`],
    ['as a group', () => `kill -TERM -- -${blog.pid}`],
    ['with its own processes', () => `kill ${shop.pid} ${blog.pid}`],
    ['by sudo', () => `sudo -n kill ${blog.pid}`],
    ['in a list', () => `cd src && npm test; kill ${blog.pid} || true`],
    ['on a later line', () => `# restart\necho now\nkill ${blog.pid}`],
    ['in a condition', () => `if true; then kill ${blog.pid}; fi`],
    ['in another shell', () => `bash -c 'kill ${blog.pid}'`],
    ['by what lsof finds', () => `kill -9 $(lsof -ti:${blog.port})`],
    ['by what lsof finds, in backticks', () => `kill \`lsof -t -i tcp:${blog.port}\``],
    ['by what lsof finds, in a pipe', () => `lsof -ti :${blog.port} -sTCP:LISTEN | xargs kill -9`],
    ['by what lsof finds, if anything', () => `lsof -ti tcp:${blog.port} | xargs -r kill`],
    ['by what ss finds', () => `ss -ltnp | grep :${blog.port} | cut -d= -f2 | xargs kill`],
    ['by fuser', () => `fuser -k ${blog.port}/tcp`],
    ['by fuser with a namespace', () => `fuser -k -n tcp ${blog.port}`],
    ['by kill-port', () => `npx --yes kill-port ${blog.port}`],
    ['by fuser with joined options', () => `fuser -kn tcp ${blog.port}`],
    ['by kill-port with a version', () => `npx -y kill-port@2 ${blog.port}`],
    ['by kill-port of pnpm', () => `pnpm dlx kill-port ${blog.port}`],
    ['in a range of lsof', () => `lsof -ti:${blog.port}-${blog.port + 1} | xargs kill`],
    ['by its parent', () => `pkill -P ${process.pid} -f 'in=${blog.directory}!'`],
    ['by its command line', () => `pkill -f 'in=${blog.directory}!'`],
    ['by its command line, with a signal', () => `pkill -9 -f 'in=${blog.directory}!'`],
    ['by the name of its program', () => 'killall -9 node'],
    ['by what pgrep finds', () => `pgrep -f 'in=${blog.directory}!' | xargs kill`],
    [
      'by what ps finds',
      () =>
        `ps aux | grep 'in=${blog.directory}!' | grep -v grep | awk '{print $2}' | xargs kill -9`,
    ],
    ['of a worktree in this one', () => `kill ${worktree.pid}`],
    ['by its container', () => 'docker stop blog-web-1'],
    ['by its container, with a timeout', () => 'docker container stop -t 5 blog-web-1'],
    ['by removing its container', () => 'docker rm -f blog-web-1'],
    ['after a container that is gone', () => `docker stop gone; kill ${blog.pid}`],
    ['after a number that is no port', () => `fuser -k 70000/tcp; kill ${blog.pid}`],
    ['by all containers', () => 'docker stop $(docker ps -q)'],
    ['by the Compose file of another directory', () => 'docker compose -f ../blog/c.yaml down'],
    ['by the Compose file there', () => 'cd ../blog && docker-compose stop -t 5 web'],
    ['by Compose in a subshell', () => '(cd x && ls); (cd ../blog && docker compose down)'],
    ['by sudo, named by its path', () => `timeout $T /usr/bin/sudo fuser -k ${blog.port}/tcp`],
    ['by mapfile', () => `mapfile -t P < <(lsof -ti:${blog.port}); kill "\${P[@]}"`],
    ['by an address of ss', () => `ss -ltnp src 127.0.0.1:${blog.port} | xargs kill`],
    ['by another user', () => `sudo -u root kill ${blog.pid}`],
    ['without a variable', () => `env -u NODE_ENV kill ${blog.pid}`],
    ['within a time, with a signal', () => `timeout -s KILL 5 kill ${blog.pid}`],
    ['in another shell with options', () => `bash -x -euo pipefail -c 'kill ${blog.pid}'`],
    ['by eval', () => `eval "kill ${blog.pid}"`],
    ['in a variable', () => `PID=${blog.pid}; kill "$PID"`],
    ['in a variable with several', () => `PIDS="999999999 ${blog.pid}"; kill $PIDS`],
    ['by what lsof finds, in a variable', () => `PID=$(lsof -ti:${blog.port}); kill -9 $PID`],
    [
      'by what lsof finds, in a variable that is not empty',
      () => `p=\`lsof -ti:${blog.port}\`; if [ -n "$p" ]; then kill \${p}; fi`,
    ],
    ['by what lsof finds, in an array', () => `P=($(lsof -ti:${blog.port})); kill "\${P[@]}"`],
    ['by what lsof finds, in a local variable', () => `local P=$(lsof -ti:${blog.port}); kill $P`],
    ['by what lsof finds, by read', () => `read -r P < <(lsof -ti:${blog.port}) && kill $P`],
    [
      'by what ss finds with a filter',
      () => `ss -lptn 'sport = :${blog.port}' | grep -oP 'pid=\\K\\d+' | xargs kill -9`,
    ],
    ['by what lsof finds, one by one', () => `for p in $(lsof -ti:${blog.port}); do kill $p; done`],
    [
      'by what lsof finds, as it is read',
      () => `lsof -ti:${blog.port} | while read p; do kill "$p"; done`,
    ],
    [
      'by what lsof finds, as it is read from a file',
      () => `while read -r p; do kill "$p"; done < <(lsof -ti:${blog.port})`,
    ],
    [
      'by what lsof finds on several ports',
      () => `for port in ${free} ${blog.port}; do lsof -ti:$port | xargs -r kill; done`,
    ],
  ])('%s', async (_, command) => {
    const { stdout, stderr, status } = await hook(command())
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    const { hookSpecificOutput } = JSON.parse(stdout)
    expect(hookSpecificOutput).toMatchObject({
      hookEventName: 'PreToolUse',
      permissionDecision: 'ask',
      permissionDecisionReason: expect.stringContaining("not known to be this checkout's"),
    })
  })

  test('and says whose it is', async () => {
    const { stdout } = await hook(`kill ${blog.pid}`)
    const reason = JSON.parse(stdout).hookSpecificOutput.permissionDecisionReason
    expect(reason).toContain(
      `${blog.port} is blog/web's; node (pid ${blog.pid}, in ${blog.directory}`,
    )
  })
})

describe('asks before a server is started on a number that is not held here', () => {
  test.each<Named>([
    ['in PORT', () => `PORT=${free} npm run dev`],
    ['in PORT, exported', () => `export PORT=${free}; npm start`],
    ['in PORT, by cross-env', () => `npx cross-env PORT=${free} node server.js`],
    ['in PORT, from a variable', () => `port=${free}; PORT=$port npm run dev`],
    ['in PORT, exported later', () => `PORT=${free}; export PORT; npm start`],
    ['in PORT, by env', () => `env PORT=${free} node server.js`],
    ['in the background', () => `PORT=${free} node server.js > log 2>&1 &`],
    ['as a flag', () => `vite --port ${free}`],
    ['as a flag with =', () => `vite --port=${free} --strictPort`],
    ['as a short flag', () => `next dev -p ${free}`],
    ['by a package runner', () => `npx --yes vite --port ${free}`],
    ['by a script of the package', () => `pnpm run dev -- --port ${free}`],
    ['by Python', () => `python3 -m http.server ${free} --bind 127.0.0.1`],
    ['by Django', () => `python manage.py runserver 0.0.0.0:${free}`],
    ['by Flask', () => `flask --app shop run -p ${free}`],
    ['by uvicorn', () => `uv run uvicorn shop:app --reload --port ${free}`],
    ['by gunicorn', () => `gunicorn shop:app -b 127.0.0.1:${free}`],
    ['by PHP', () => `php -S localhost:${free}`],
    ['by Docker', () => `docker run --rm -p 127.0.0.1:${free}:80 nginx`],
    ['by Docker, as the second one', () => `docker run -p ${quiet}:80 -p ${free}:81 nginx`],
    ['by Docker, in joined options', () => `docker run -dp ${free}:80 nginx`],
    ['by a program of the package', () => `pnpm vite --port ${free}`],
    ['by a version of Python', () => `python3.11 -m http.server ${free}`],
    ['by Laravel', () => `php artisan serve --port=${free}`],
    ['by Rails', () => `bundle exec rails s -p ${free}`],
    ['in PORT, by a package of the workspace', () => `PORT=${free} pnpm --filter web dev`],
    ["of another checkout's service", () => `PORT=${blog.port} npm run dev`],
    ["of a worktree's service", () => `vite --port ${worktree.port}`],
  ])('%s', async (_, command) => {
    const { stdout, stderr, status } = await hook(command())
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    const { permissionDecision, permissionDecisionReason } = JSON.parse(stdout).hookSpecificOutput
    expect(permissionDecision).toBe('ask')
    expect(permissionDecisionReason).toMatch(/This starts a server on .+`ports run`/)
  })
})

describe('says nothing', () => {
  test.each<Named>([
    ['if a process of this checkout is ended by pid', () => `kill ${shop.pid}`],
    ['if it is ended by port', () => `lsof -ti:${shop.port} | xargs kill`],
    ['if it is ended by command line', () => `pkill -f 'in=${shop.directory}!'`],
    ['if nothing listens on the port', () => `fuser -k ${free}/tcp`],
    ['if the process listens on nothing', () => `kill ${idle}`],
    ['if no process has the pid', () => 'kill 999999999'],
    ['if a process is only looked for', () => `kill -0 ${blog.pid}`],
    ['if signals are listed', () => 'kill -l 15'],
    ['if a port is only looked at', () => `lsof -i:${blog.port}; fuser ${blog.port}/tcp`],
    ['if a job is ended', () => `sleep 60 & kill %1; kill $!`],
    ['if the pid is a variable', () => 'kill "$SERVER_PID"'],
    ['if the pid is another variable', () => `P=$(lsof -ti:${blog.port}); kill "$OTHER" $!`],
    ['if the pid is not from the pipe', () => `lsof -ti:${blog.port} | kill 999999999`],
    ['if the variable has changed', () => `P=${blog.pid}; P=$!; kill $P`],
    ['if a command is only printed', () => `echo "kill ${blog.pid}"`],
    ['if a command is only mentioned', () => `git commit -m 'kill ${blog.pid}'`],
    ['if a command is in a file that is written', () => `cat > x <<'END'\nkill ${blog.pid}\nEND`],
    ['if a command is in a comment', () => `true # kill ${blog.pid}`],
    ['if a container that ended is removed', () => 'docker rm blog-web-1'],
    ['if containers are listed', () => 'docker ps -a'],
    ['about the containers of the Compose file here', () => 'docker compose down'],
    ['about other verbs of Compose', () => 'docker compose -p blog run --rm web npm run down'],
    ['about commands in a container', () => 'docker compose -p blog exec web kill 1'],
    ['about a project that only the shell knows', () => 'docker compose -p "$P" -f ../blog/c down'],
    ['about containers that only the shell knows', () => 'docker stop $(docker ps -q $FILTER)'],
    [
      'if an exported number has changed',
      () =>
        `export PORT=${free}; PORT=$(ports get web) npm start; export PORT=$(ports get web); npm start`,
    ],
    ['if an exported number is unset', () => `export PORT=${free}; unset PORT; npm start`],
    ['about a Compose file of no directory', () => 'cd nowhere && docker compose down'],
    ['if a server is started on its own number', () => `PORT=${quiet} npm run dev`],
    ['if a server is given its own number', () => `cd src && vite --port ${quiet}`],
    [
      'if a server has the number of the directory that is entered',
      () => `cd ../blog && PORT=${blog.port} npm start`,
    ],
    ['if the registry gives the number', () => 'PORT=$(ports get web) npm run dev'],
    ['about the registry itself', () => `ports run web -- vite --port ${free}`],
    ['about clients', () => `curl http://localhost:${free}; psql -p ${free}; ssh -p ${free} host`],
    ['about programs to which -p is no port', () => `node -p ${free}`],
    ['about clients that are given PORT', () => `PORT=${free} psql; export PORT=${free}; curl x`],
    ['about PORT that is printed', () => `PORT=${free} echo hi`],
    ['about packages', () => `PORT=${free} npm install; PORT=${free} npm test`],
    ['about builds', () => `vite build --port ${free}; flask db upgrade -p ${free}`],
    ['about generators', () => `rails generate model -p ${free}`],
    ['about arguments of a container', () => `docker run img sh -c "-p ${free}:${free}"`],
    ['if a program is only looked for', () => `pkill -0 -f 'in=${blog.directory}!'`],
    ['about directories', () => `mkdir -p ${free}`],
    ['about other numbers', () => `npm run dev -- --timeout ${free}`],
    ['about what is no command of the shell', () => '((('],
  ])('%s', async (_, command) => {
    expect(await hook(command())).toEqual({ stdout: '', stderr: '', status: 0 })
  })
})

describe('never blocks', () => {
  test.each<readonly [string, () => Promise<Awaited<ReturnType<typeof hook>>>, RegExp]>([
    [
      'if the registry is unavailable',
      () => hook(`PORT=${free} npm start`, { database: 'postgresql://u:p@127.0.0.1:1/none' }),
      /^ports did not check this command: ports explain failed: The database cannot be reached.+\n$/,
    ],
    [
      'if ports does not answer',
      () => {
        writeFiles(place, { 'slow/ports': '#!/bin/sh\nexec sleep 60\n' })
        return hook(`PORT=${free} npm start`, { path: join(place, 'slow') })
      },
      /^ports did not check this command: ports explain did not answer within 5 s\n$/,
    ],
    [
      'if ports is another program',
      () => {
        writeFiles(place, { 'other/ports': '#!/bin/sh\necho "{}"\n' })
        return hook(`PORT=${free} npm start`, { path: join(place, 'other') })
      },
      /^ports did not check this command: ports is not the port registry\n$/,
    ],
    [
      'if the command repeats itself without end',
      () => hook(`X='eval "$X$X"'; eval "$X"; kill ${blog.pid}`),
      /^ports did not check this command: .+\n$/,
    ],
    [
      'if the command has very many parts',
      () =>
        hook(`${'for a in 1 2 3 4 5 6 7 8 9; do '.repeat(6)}fuser -k 80/tcp;${' done;'.repeat(6)}`),
      /^ports did not check this command: it is too long to be read in full\n$/,
    ],
    [
      'if what it is given is no JSON',
      () => answered('no', environmentOn(url)),
      /^ports did not check this command: .+\n$/,
    ],
  ])('%s, and says once why', async (_, run, why) => {
    const { stdout, stderr, status } = await run()
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
    expect(stderr).toMatch(why)
  })

  test('if ports is not on the PATH, and says once why', async () => {
    const input = { cwd: shop.directory, tool_input: { command: `PORT=${free} npm start` } }
    const { stdout, stderr, status } = await answered(input, environmentOn(url, { PATH: '/none' }))
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
    expect(stderr).toBe('ports did not check this command: ports is not on the PATH\n')
  })
})

test('asks about what was found although another lookup fails', async () => {
  writeFiles(place, {
    'half/ports': `#!/bin/sh\n[ "$2" = ${free} ] && exit 1\nexec '${CLI}' "$@"\n`,
  })
  const { stdout, stderr, status } = await hook(`PORT=${free} npm start; kill ${blog.pid}`, {
    path: join(place, 'half'),
  })
  expect(stdout).toContain("not known to be this checkout's")
  expect(stderr).toMatch(/^ports did not check this command: ports explain failed: .+\n$/)
  expect(status).toBe(0)
})

test('says nothing about input without a command', async () => {
  expect(await answered('null', environmentOn(url))).toEqual({ stdout: '', stderr: '', status: 0 })
})

test('says nothing about starts where there is no registry', async () => {
  const { PORTS_DATABASE_URL, ...env } = environment()
  const input = { cwd: shop.directory, tool_input: { command: `PORT=${free} npm start` } }
  expect(await answered(input, { ...env, PORTS_HOME: join(place, 'none') })).toEqual({
    stdout: '',
    stderr: '',
    status: 0,
  })
})

test('treats processes below a directory without a checkout as its own', async () => {
  const plain = join(place, 'plain')
  const port = free + 1
  mkdirSync(join(plain, 'web'), { recursive: true })
  const pid = await serve(port, join(plain, 'web'))
  const inDirectory = async (cwd: string) =>
    (await answered({ cwd, tool_input: { command: `kill ${pid}` } }, environment())).stdout
  expect(await inDirectory(plain)).toBe('')
  expect(await inDirectory(join(place, 'other'))).toContain('"ask"')
})

test('starts ports only if a command names something to judge', async () => {
  const watched = join(place, 'watched')
  writeFiles(watched, { ports: `#!/bin/sh\necho "$@" >>'${watched}/started'\nexit 1\n` })
  for (const command of ['npm test', 'git log -n 3000', 'kill $!', 'vite', `sleep ${free}`]) {
    await hook(command, { path: watched })
  }
  expect(existsSync(join(watched, 'started'))).toBe(false)
  await hook(`vite --port ${free}`, { path: watched })
  expect(existsSync(join(watched, 'started'))).toBe(true)
})
