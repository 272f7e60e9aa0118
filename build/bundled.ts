import type { Options } from 'tsup'
import manifest from '../publish/package.json' with { type: 'json' }

/** Defines the `require` with which bundled CommonJS modules load Node's modules. */
export const REQUIRE = {
  js: "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);",
}

/** Replaces expressions in the database driver when it is bundled. */
export const DRIVER: NonNullable<Options['define']> = {
  // Without a navigator, as on Node 20, the driver makes a Response to learn that this is not
  // Cloudflare. That loads all of Node's fetch, which takes a quarter of the time of `ports get`.
  navigator: JSON.stringify({ userAgent: 'Node.js' }),
  // The bundle has no native variant of the driver, whatever the environment asks for.
  'process.env.NODE_PG_FORCE_NATIVE': 'undefined',
}

/** The name of the package with everything in it. */
export const PACKAGE_NAME: NonNullable<Options['define']> = {
  PUBLISHED_PACKAGE: JSON.stringify(manifest.name),
}
