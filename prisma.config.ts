import { defineConfig } from 'prisma/config'

// For Prisma's own command line, where someone prefers it to `ports db migrate`: the registry's
// variable, never DATABASE_URL, and the registry's schema, where Prisma then keeps its book.
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
