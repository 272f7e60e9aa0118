import { defineConfig } from 'prisma/config'

// For Prisma's command line, as an alternative to `ports db migrate`. It reads the registry's
// variable, never DATABASE_URL. Prisma's migration table is in the registry's schema.
function datasourceUrl(): string {
  const url = process.env.PORTS_DATABASE_URL
  if (!url) return ''
  const withSchema = new URL(url)
  withSchema.searchParams.set('schema', 'ports')
  return withSchema.href
}

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: datasourceUrl() },
})
