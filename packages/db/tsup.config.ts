import { cpSync } from 'node:fs'
import { defineConfig } from 'tsup'

export default defineConfig({
  // Prisma is a file of its own, loaded when it is needed.
  entry: ['src/index.ts', 'src/prismaClient.ts'],
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  splitting: true,
  // A rebuild must not take files away from a running process.
  clean: false,
  async onSuccess() {
    for (const directory of ['migrations', 'seed']) {
      cpSync(`../../prisma/${directory}`, `prisma/${directory}`, { recursive: true })
    }
  },
})
