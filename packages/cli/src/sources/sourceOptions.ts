import { Option } from '@commander-js/extra-typings'

export const FILE_KINDS = ['compose', 'env', 'procfile', 'caddy', 'cloudflared'] as const

export const SOURCE_KINDS = [...FILE_KINDS, 'scan'] as const

type SourceKind = (typeof SOURCE_KINDS)[number]

/** Where the rows of an import may be proposed from. Only one can be given. */
export const sourceOptions = {
  compose: source(
    'compose',
    new Option(
      '--compose <file>',
      'propose what a Compose file publishes, or docker compose config --format json',
    ),
  ),
  env: source(
    'env',
    new Option('--env <file>', 'propose the ports of variables, and of URLs of this host'),
  ),
  procfile: source(
    'procfile',
    new Option('--procfile <file>', 'propose the ports that a Procfile says'),
  ),
  caddy: source(
    'caddy',
    new Option('--caddy <file>', 'propose the upstreams of a Caddyfile, and Caddy’s own ports'),
  ),
  cloudflared: source(
    'cloudflared',
    new Option('--cloudflared <file>', 'propose the services of a tunnel, with their hostnames'),
  ),
  scan: source(
    'scan',
    new Option(
      '--scan',
      'propose what listens on TCP on this host, by the directory of its process',
    ),
  ),
}

function source<Of extends Option>(kind: SourceKind, option: Of): Of {
  option.conflicts([
    ...SOURCE_KINDS.filter((each) => each !== kind),
    'format',
    ...(kind === 'scan' ? ['project'] : []),
  ])
  return option
}
