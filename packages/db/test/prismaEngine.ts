import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

/** The catalogue's one-byte type, which Prisma's adapter does not know. */
const CHAR = 18
/** A type that the catalogue does not use, to carry the former through the adapter. */
const UUID = 2950

class CatalogueClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of pg, all of which pass through here
  override query(...given: any[]): any {
    const done = given.pop()
    if (typeof done !== 'function') return super.query.apply(this, [...given, done] as never)
    return super.query.apply(this, [
      ...given,
      (error: Error | null, result?: pg.QueryResult) => {
        for (const field of result?.fields ?? []) {
          if (field.dataTypeID === CHAR) field.dataTypeID = UUID
        }
        done(error, result)
      },
    ] as never)
  }
}

class CatalogueAdapter extends PrismaPg {
  constructor(url: string) {
    const pool = new pg.Pool({
      connectionString: url,
      // As Prisma's command line does, for the schema that the URL names.
      options: '-c search_path=ports',
      Client: CatalogueClient,
      allowExitOnIdle: true,
    })
    // The engine looks for its migration table in the schema.
    super(pool, { schema: 'ports' })
  }

  override async connect() {
    const adapter = await super.connect()
    const queryRaw = adapter.queryRaw.bind(adapter)
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query)
      const columnTypes = result.columnTypes.map((type) =>
        type === ColumnTypeEnum.Uuid ? ColumnTypeEnum.Character : type,
      )
      return { ...result, columnTypes }
    }
    return adapter
  }
}

interface Exports {
  __wbindgen_start(): void
}

/** As @types/node has it for no version that the registry supports. */
declare const WebAssembly: {
  instantiate(wasm: Buffer, imports: object): Promise<{ instance: { exports: Exports } }>
}

/** The package means it for bundlers, and so does not declare how its two halves are joined. */
const glue = engineModule as typeof engineModule & { __wbg_set_wasm(exports: Exports): void }

const PRISMA = fileURLToPath(new URL('../../../prisma/', import.meta.url))
const NO_FILTER = { externalTables: [], externalEnums: [] }

/**
 * Prisma's own migration engine, as WebAssembly: what `prisma migrate status` and `migrate diff`
 * would say of a database.
 */
export async function prismaEngine(url: string) {
  await loadWasm()
  const files = [{ path: 'schema.prisma', content: read('schema.prisma') }]
  const engine = await engineModule.SchemaEngine.new(
    { datamodels: files.map(({ path, content }): [string, string] => [path, content]) },
    () => {},
    bindMigrationAwareSqlAdapterFactory(new CatalogueAdapter(url)),
  )
  return {
    /** What `prisma migrate status` finds. */
    status: () =>
      engine.diagnoseMigrationHistory({
        migrationsList: migrationList(),
        optInToShadowDatabase: false,
        filters: NO_FILTER,
      }),

    /** What the database lacks, and has too much, to be what schema.prisma shows. */
    async drift(): Promise<string | null> {
      const { stdout } = await engine.diff({
        from: { tag: 'schemaDatasource', files, configDir: PRISMA },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: null,
        filters: NO_FILTER,
      })
      return stdout
    },
  }
}

let loaded: Promise<void> | undefined

function loadWasm(): Promise<void> {
  loaded ??= (async () => {
    const require = createRequire(import.meta.url)
    const js = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    const wasm = readFileSync(js.replace(/\.js$/, '.wasm'))
    const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': glue })
    glue.__wbg_set_wasm(instance.exports)
    instance.exports.__wbindgen_start()
  })()
  return loaded
}

function migrationList() {
  const names = readdirSync(`${PRISMA}migrations`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  return {
    baseDir: `${PRISMA}migrations`,
    lockfile: {
      path: './migration_lock.toml',
      content: read('migrations/migration_lock.toml'),
    },
    shadowDbInitScript: '',
    migrationDirectories: names.map((name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: read(`migrations/${name}/migration.sql`) },
      },
    })),
  }
}

function read(path: string): string {
  return readFileSync(`${PRISMA}${path}`, 'utf8')
}
