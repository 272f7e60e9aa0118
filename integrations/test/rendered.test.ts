import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { describe, expect, onTestFinished, test } from 'vitest'
import { render } from '../render.js'
import options from '../tsup.config.js'

const HERE = fileURLToPath(new URL('..', import.meta.url))

describe('what is rendered from the manifest of the package', () => {
  test.each([...render()])('%s is up to date', async (path, text) => {
    await expect(text).toMatchFileSnapshot(join(HERE, path))
  })

  test('no text suggests the package of the same name that somebody else has on npm', () => {
    const texts = [...render().values()].join('\n')
    expect(texts).not.toMatch(/\b(npx|bunx|pnpx|dlx|npm (i|install|exec))( -\S+)* ports\b(?!-)/)
  })

  test('every relative link of the README leads to a file', () => {
    const links = [
      ...render()
        .get('README.md')!
        .matchAll(/\]\((?!https?:)([^)]+)\)/g),
    ]
    expect(links.length).toBeGreaterThan(5)
    for (const [, path] of links) expect(existsSync(join(HERE, path!)), path).toBe(true)
  })

  test('the links for Cursor and VS Code contain the server of mcp.json', () => {
    const { ports } = JSON.parse(render().get('mcp.json')!).mcpServers
    const text = render().get('README.md')!
    const cursor = new URL(/^cursor:.*$/m.exec(text)![0])
    expect(`${cursor.host}${cursor.pathname}`).toBe('anysphere.cursor-deeplink/mcp/install')
    expect(cursor.searchParams.get('name')).toBe('ports')
    const config = Buffer.from(cursor.searchParams.get('config')!, 'base64').toString()
    expect(JSON.parse(config)).toEqual(ports)
    const vscode = new URL(/^vscode:.*$/m.exec(text)![0])
    expect(vscode.pathname).toBe('mcp/install')
    expect(JSON.parse(decodeURIComponent(vscode.search.slice(1)))).toEqual({
      name: 'ports',
      type: 'stdio',
      ...ports,
    })
  })
})

test('the hook is built from its source', async () => {
  const outDir = mkdtempSync(join(tmpdir(), 'ports-hook-'))
  onTestFinished(() => rmSync(outDir, { recursive: true }))
  await build({ ...options, config: false, silent: true, outDir })
  const built = readFileSync(join(outDir, 'guard.mjs'), 'utf8')
  await expect(built).toMatchFileSnapshot(join(HERE, 'claude-code/hooks/guard.mjs'))
})
