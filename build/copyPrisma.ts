import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../prisma', import.meta.url))

/** Copies the scripts and data that the store reads at run time to `prisma` in this directory. */
export function copyPrisma(): void {
  for (const directory of ['migrations', 'seed', 'upgrade']) {
    cpSync(`${SOURCE}/${directory}`, `prisma/${directory}`, { recursive: true })
    // A migration that was renamed since the last build must not be applied under both names.
    for (const name of readdirSync(`prisma/${directory}`)) {
      if (existsSync(`${SOURCE}/${directory}/${name}`)) continue
      rmSync(`prisma/${directory}/${name}`, { recursive: true })
    }
  }
}
