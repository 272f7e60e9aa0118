import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { portsIn } from '@ports/testkit'
import { emptyDatabase } from '@ports/testkit/vitest'

const ROWS = `host,protocol,port,project,service,instance,type,cloudflareHostname,description
,tcp,3100,shop,api,,http,api.example.com,REST API
,tcp,3101,shop,web,,,shop.example.com,"Shop
} server { listen 1; } {$HOME} {{ env ""HOME"" }} # ports: end"
,tcp,3111,shop,web,login,,shop.example.com,
,tcp,3110,shop,api,login,,api-login.example.com,
,udp,3102,shop,dns,,,,
,tcp,3103,shop,db,,postgres,,
,tcp,3104,shop-api,login,,,login.example.com,
nas,tcp,8096,homelab,media,,https,media.example.com,
pi,tcp,8096,homelab,media,,https,media.example.com,
nas,tcp,22,homelab,shell,,ssh,ssh.example.com,
fd00::7,tcp,3000,homelab,no,,,*.example.com,
fd00::7,tcp,3001,homelab,wiki,,,*.lab.example.com,
`

/** A registry with services of every kind that the targets tell apart. */
export async function registryToExport(): Promise<string> {
  const url = await emptyDatabase()
  await imported(url, ROWS)
  return url
}

/** Imports rows of CSV. */
export async function imported(url: string, rows: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ports-export-'))
  const file = join(directory, 'rows.csv')
  writeFileSync(file, rows)
  const { status, stderr } = await portsOutside(url)('import', file)
  rmSync(directory, { recursive: true })
  if (status !== 0) throw new Error(stderr)
}

/** The built command in a directory that belongs to no project. */
export const portsOutside = (url: string) => portsIn(tmpdir(), url)
